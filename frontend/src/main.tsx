import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createSession } from "./session";
import { App } from "./view/App";
import "./view/page.css";
import "./view/transcript.css";
import "./view/dock.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

createRoot(root).render(
  <StrictMode>
    <App session={createSession()} />
  </StrictMode>,
);
