// The frame of the page: its head, the panels by the address's #part, and the line that says what computes.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { BackendSelect } from "./components/BackendSelect.tsx";
import { Message } from "./components/Message.tsx";
import { backend, engineProblem } from "./engine/client.ts";
import { PANELS } from "./panels/index.ts";
import { scheme, toggleTheme } from "./theme.ts";

const current = signal(panelOf(location.hash));
addEventListener("hashchange", () => {
  current.value = panelOf(location.hash);
});

function panelOf(hash: string) {
  return PANELS.find(({ id }) => id === hash.slice(1)) ?? PANELS[0];
}

const PAPER = "https://arxiv.org/abs/2504.02819";

export function App() {
  const { id, title, Component } = current.value;
  useEffect(() => {
    document.title = `${title} – GMR-Conv`;
  }, [title]);
  return (
    <>
      <header class="top">
        <a class="name" href="#turn" aria-label="GMR-Conv, to the start">
          <Rings /> GMR-Conv
        </a>
        <nav aria-label="Parts of the page">
          {PANELS.map((panel) => (
            <a key={panel.id} href={`#${panel.id}`} aria-current={panel.id === id ? "page" : undefined}>
              {panel.title}
            </a>
          ))}
        </nav>
        <button
          type="button"
          class="plain theme"
          aria-label={scheme.value === "dark" ? "Use light colours" : "Use dark colours"}
          onClick={toggleTheme}
        >
          {scheme.value === "dark" ? "☀" : "☾"}
        </button>
      </header>
      <main id={`panel-${id}`}>
        <Notices />
        <Component key={id} />
      </main>
      <footer>
        <Status />
        <p>
          Everything is computed on this device; nothing is sent anywhere. The method:{" "}
          <a href={PAPER}>Gaussian Mixture Ring Convolution</a> (Du et al., 2025). Digits: MNIST, Y. LeCun, C.
          Cortes and C. J. C. Burges, CC BY-SA 3.0.
        </p>
      </footer>
    </>
  );
}

const closed = signal<string | undefined>(undefined);

function Notices() {
  if (engineProblem.value) return <Message kind="problem">{engineProblem.value}</Message>;
  const notice = backend.value?.notice;
  if (!notice || notice === closed.value) return null;
  return (
    <Message
      kind="note"
      onClose={() => {
        closed.value = notice;
      }}
    >
      {notice}
    </Message>
  );
}

/** What computes, and the choice of another. */
function Status() {
  const state = backend.value;
  return (
    <p class="status">
      <BackendSelect /> <span aria-live="polite">{state ? describe(state) : "starting…"}</span>
    </p>
  );
}

function describe({ threads, adapter, remark }: NonNullable<typeof backend.value>): string {
  return remark ?? adapter ?? (threads === 1 ? "one thread" : `${threads} threads`);
}

function Rings() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" fill="none" stroke="currentColor">
      <circle cx="16" cy="16" r="13.5" stroke-width="2.6" opacity=".3" />
      <circle cx="16" cy="16" r="8.3" stroke-width="2.8" opacity=".65" />
      <circle cx="16" cy="16" r="3.4" fill="currentColor" stroke="none" />
    </svg>
  );
}
