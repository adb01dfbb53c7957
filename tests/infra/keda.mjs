// Reads a JSON array of Kubernetes objects from stdin, and prints the violations of KEDA's schema.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const keda = createRequire(new URL("../../frontend/package.json", import.meta.url))("@kubernetes-models/keda/keda.sh/v1alpha1");

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const Model = keda[object.kind];
  try {
    if (!Model) throw new Error("KEDA knows no such kind");
    new Model(object).validate();
  } catch (error) {
    console.log(`${object.kind} ${object.metadata?.name}: ${error.message}`);
  }
}
