import type { ComponentChildren } from "preact";

interface Props {
  kind: "note" | "problem";
  children: ComponentChildren;
  onClose?: () => void;
}

/** What the visitor should know; read aloud when it appears. */
export function Message({ kind, children, onClose }: Props) {
  return (
    <div class={`message ${kind}`} role={kind === "problem" ? "alert" : "status"}>
      <p>{children}</p>
      {onClose && (
        <button type="button" class="plain" aria-label="Close this message" onClick={onClose}>
          ×
        </button>
      )}
    </div>
  );
}
