// Components that are loaded when they are first shown.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Message } from "./components/Message.tsx";

/** A component in a module of its own, its default export. */
export function lazy(load: () => Promise<{ default: () => VNode | null }>): () => VNode | null {
  let Loaded: (() => VNode | null) | undefined;
  return function Lazy() {
    const [, update] = useState(0);
    const [problem, setProblem] = useState("");
    useEffect(() => {
      if (Loaded) return;
      load().then(
        (module) => {
          Loaded = module.default;
          update(1);
        },
        () => setProblem("This part of the page could not be loaded. Is there a connection?"),
      );
    }, []);
    if (Loaded) return <Loaded />;
    return problem ? <Message kind="problem">{problem}</Message> : <p class="loading">Loading…</p>;
  };
}
