export { ar } from "./ar";
export { de } from "./de";
export { en } from "./en";
export { es } from "./es";
export { fr } from "./fr";
export { ja } from "./ja";
export { pt } from "./pt";
export { zh } from "./zh";
