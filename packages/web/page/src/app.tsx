import { useEffect, useState } from "preact/hooks";
import { Answer } from "./parts/answer.tsx";
import { Card } from "./parts/card.tsx";
import { Engine } from "./parts/engine.tsx";
import { EveryAngle } from "./parts/everyAngle.tsx";
import { Pictures } from "./parts/pictures.tsx";
import { PoseControls } from "./parts/poseControls.tsx";
import { Stage } from "./parts/stage.tsx";
import { Start } from "./parts/start.tsx";
import { addFiles } from "./sources.ts";
import { description, failure, notice } from "./state.ts";

export function App() {
  const dropping = useDropsAndPastes();
  const described = description.value;
  return (
    <div class={dropping ? "page dropping" : "page"}>
      <header>
        <p class="eyebrow">GMR-Conv network, in your browser</p>
        <h1>{described?.card.title ?? "A network that reads images at any angle"}</h1>
        <p class="lead">
          {described && `${whatItDoes(described.task, described.classNames.length)} `}
          Images stay on this device.
        </p>
      </header>
      <main>
        <Notices />
        {failure.value === undefined && (
          <div class="columns">
            <section class="image-side" aria-label="Image">
              <Start />
              <Stage />
              <PoseControls />
              <Pictures />
            </section>
            <section class="answer-side" aria-label="Answer">
              <Answer />
              <EveryAngle />
              <Engine />
            </section>
          </div>
        )}
        <Card />
      </main>
    </div>
  );
}

function whatItDoes(task: string, classes: number): string {
  return task === "segmentation"
    ? `Marks ${classes} classes pixel by pixel, whichever way the image is turned.`
    : `Tells ${classes} classes apart, whichever way the image is turned.`;
}

/** Takes files that are dropped or pasted anywhere. @returns whether one hovers over the page */
function useDropsAndPastes(): boolean {
  const [dropping, setDropping] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDropping(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setDropping(false);
    };
    const drop = (event: DragEvent): void => {
      setDropping(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (description.peek()) void addFiles([...(event.dataTransfer?.files ?? [])]);
    };
    const paste = (event: ClipboardEvent): void => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0 && description.peek()) void addFiles(files);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
      removeEventListener("paste", paste);
    };
  }, []);
  return dropping;
}

function Notices() {
  const [failed, said] = [failure.value, notice.value];
  return (
    <>
      {failed !== undefined && (
        <div class="notice error" role="alert">
          <p>
            <strong>The network could not be loaded.</strong> {failed}
          </p>
          <button type="button" onClick={() => location.reload()}>
            Try again
          </button>
        </div>
      )}
      <div role="alert">
        {said && (
          <div class={`notice ${said.kind}`}>
            <p>{said.text}</p>
            <button
              type="button"
              onClick={() => {
                notice.value = undefined;
              }}
            >
              Close
            </button>
          </div>
        )}
      </div>
    </>
  );
}
