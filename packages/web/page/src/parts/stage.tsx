import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { drawClasses } from "../answer.ts";
import { paintMask } from "../colours.ts";
import { blank, clear, drawTo, pen, repaint, undo, whiteInk } from "../drawing.ts";
import { show, startCamera } from "../sources.ts";
import {
  classFrame,
  description,
  hiddenClasses,
  type Mask,
  opacity,
  pose,
  result,
  type Source,
  segments,
  source,
  version,
} from "../state.ts";
import { boundsOf, contextOf, type Pose, poseMatrix, type Size } from "../turn.ts";

/** The image as it lies, with its mask over it. */
export function Stage() {
  const image = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);

  useSignalEffect(() => {
    const [shown, described] = [source.value, description.value];
    void version.value;
    const canvas = image.current;
    if (!canvas || !shown || !described) return;
    if (segments.value) drawWhole(canvas, shown, pose.value);
    else {
      resize(canvas, classFrame(described, shown));
      drawClasses(canvas, shown, pose.value, described);
    }
  });

  useSignalEffect(() => {
    const canvas = overlay.current;
    const [shown, answer] = [source.value, result.value];
    if (!canvas) return;
    if (shown && answer?.kind === "mask") drawMask(canvas, shown, answer, pose.value, hiddenClasses.value);
    else resize(canvas, { width: 1, height: 1 });
  });

  const shown = source.value;
  return (
    <div class="stage-box">
      <div class={shown ? "stage" : "stage empty"} data-kind={shown?.kind}>
        <canvas
          ref={image}
          hidden={!shown}
          width={1}
          height={1}
          class={isCoarse(shown) ? "coarse" : ""}
          role="img"
          aria-label={shown ? nameOf(shown) : ""}
          onPointerDown={(event) => draw(event, true)}
          onPointerMove={(event) => draw(event, false)}
        />
        <canvas
          ref={overlay}
          hidden={!shown}
          width={1}
          height={1}
          class="overlay"
          style={{ opacity: opacity.value }}
        />
        {shown?.kind === "drawing" && blank.value && <p class="hint on-sheet">Draw here, at any angle.</p>}
        {!shown && (
          <p class="hint">
            Drop an image here, paste one, or choose one above. Then turn it: the answer stays.
          </p>
        )}
      </div>
      {shown?.kind === "drawing" && <DrawingTools />}
      {shown?.kind === "camera" && (
        <div class="toolbar">
          <button type="button" onClick={() => void startCamera(true)}>
            Other camera
          </button>
          <button type="button" onClick={() => show(undefined)}>
            Stop the camera
          </button>
        </div>
      )}
    </div>
  );
}

/** Small images are shown with their pixels, as the network sees them. */
function isCoarse(shown: Source | undefined): boolean {
  return shown !== undefined && Math.max(shown.width, shown.height) < 160;
}

function nameOf(shown: Source): string {
  if (shown.kind === "picture") return shown.name;
  return shown.kind === "camera" ? "The camera's image" : "The drawing";
}

function DrawingTools() {
  return (
    <div class="toolbar">
      <button type="button" onClick={undo}>
        Undo
      </button>
      <button type="button" onClick={clear}>
        Clear
      </button>
      <button
        type="button"
        onClick={() => {
          whiteInk.value = !whiteInk.value;
          repaint();
        }}
      >
        {whiteInk.value ? "Black on white" : "White on black"}
      </button>
      <label class="inline">
        Pen
        <input
          type="range"
          min="0.02"
          max="0.16"
          step="0.01"
          value={pen.value}
          onInput={({ currentTarget }) => {
            pen.value = Number(currentTarget.value);
          }}
        />
      </label>
    </div>
  );
}

function draw(event: PointerEvent, begins: boolean): void {
  const canvas = event.currentTarget as HTMLCanvasElement;
  if (source.peek()?.kind !== "drawing" || (!begins && event.buttons === 0)) return;
  if (begins && event.button !== 0) return;
  if (begins) canvas.setPointerCapture(event.pointerId);
  const box = canvas.getBoundingClientRect();
  const place = (of: PointerEvent): [number, number] => [
    ((of.clientX - box.left) / box.width) * canvas.width,
    ((of.clientY - box.top) / box.height) * canvas.height,
  ];
  const steps = begins ? [event] : (event.getCoalescedEvents?.() ?? []);
  for (const step of steps.length > 0 ? steps : [event]) drawTo(place(step), canvas, begins);
  event.preventDefault();
}

function resize(canvas: HTMLCanvasElement, { width, height }: Size): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Draws a whole image, turned, with nothing around it. */
function drawWhole(canvas: HTMLCanvasElement, shown: Source, at: Pose): void {
  const frame = boundsOf(shown, at);
  resize(canvas, frame);
  const context = contextOf(canvas);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, frame.width, frame.height);
  context.setTransform(poseMatrix(shown, frame, at, shown));
  context.drawImage(shown.image, 0, 0, shown.width, shown.height);
}

let painted: { of: Mask; hidden: ReadonlySet<number>; canvas: OffscreenCanvas } | undefined;

/** Draws a mask over an image, turned along with it until there is one for its present pose. */
function drawMask(
  canvas: HTMLCanvasElement,
  shown: Source,
  answer: Mask,
  at: Pose,
  hidden: ReadonlySet<number>,
): void {
  if (painted?.of !== answer || painted.hidden !== hidden) {
    const { mask, frame } = answer;
    const picture = paintMask(mask, frame.width, frame.height, (index) => !hidden.has(index));
    painted = { of: answer, hidden, canvas: picture };
  }
  const frame = boundsOf(shown, at);
  resize(canvas, frame);
  const context = contextOf(canvas);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, frame.width, frame.height);
  context.imageSmoothingEnabled = false;
  const now = poseMatrix(shown, frame, at, shown);
  context.save();
  context.setTransform(now);
  context.beginPath();
  context.rect(0, 0, shown.width, shown.height);
  context.clip();
  context.setTransform(now.multiply(poseMatrix(shown, answer.frame, answer.pose, shown).inverse()));
  context.drawImage(painted.canvas, 0, 0);
  context.restore();
}
