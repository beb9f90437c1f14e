// Where an image comes from: a sample, a file (chosen or dropped), the camera, a drawing.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Message } from "./Message.tsx";

interface Props {
  /** Receives the picture, which it must close; what it throws is shown. */
  onPicture(picture: ImageBitmap, title: string): Promise<void>;
  /** Samples, as buttons. */
  children?: ComponentChildren;
  /** Offer a canvas to draw on. */
  draw?: boolean;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Lets the visitor choose an image. Files may be dropped anywhere on the page. */
export function ImagePicker({ onPicture, children, draw = true }: Props) {
  const problem = useSignal<string | undefined>(undefined);
  const open = useSignal<"draw" | "camera" | undefined>(undefined);
  const dropping = useSignal(false);
  const input = useRef<HTMLInputElement>(null);

  const take = async (picture: Promise<ImageBitmap>, title: string): Promise<void> => {
    problem.value = undefined;
    try {
      await onPicture(await picture, title);
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  const takeFile = (file: File): Promise<void> => take(pictureOf(file), `your image ${file.name}`);
  const latest = useRef(takeFile);
  latest.current = takeFile;

  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      dropping.value = true;
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) dropping.value = false;
    };
    const drop = (event: DragEvent): void => {
      dropping.value = false;
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      event.preventDefault();
      void latest.current(file);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [dropping]);

  return (
    <div class="picker">
      {children}
      <div class="buttons">
        <button type="button" onClick={() => input.current?.click()}>
          Open a file…
        </button>
        <input
          ref={input}
          class="unseen"
          type="file"
          accept="image/*"
          tabIndex={-1}
          aria-label="Image file"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            event.currentTarget.value = "";
            if (file) void takeFile(file);
          }}
        />
        {draw && (
          <button
            type="button"
            aria-expanded={open.value === "draw"}
            onClick={() => {
              open.value = open.value === "draw" ? undefined : "draw";
            }}
          >
            Draw
          </button>
        )}
        <button
          type="button"
          aria-expanded={open.value === "camera"}
          onClick={() => {
            open.value = open.value === "camera" ? undefined : "camera";
          }}
        >
          Camera
        </button>
      </div>
      {dropping.value && <p class="drop-here">Drop the image anywhere</p>}
      {open.value === "draw" && <Drawing onPicture={(picture) => void take(picture, "your drawing")} />}
      {open.value === "camera" && (
        <Camera
          onPicture={(picture) => void take(picture, "your photo")}
          onProblem={(text) => {
            open.value = undefined;
            problem.value = text;
          }}
        />
      )}
      {problem.value && (
        <Message
          kind="problem"
          onClose={() => {
            problem.value = undefined;
          }}
        >
          {problem.value}
        </Message>
      )}
    </div>
  );
}

async function pictureOf(file: File): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch {
    const size =
      file.size === 0
        ? "is empty"
        : `(${file.type || "of unknown type"}) is not an image that this browser reads`;
    throw new Error(`${file.name} ${size}: choose a PNG, JPEG, WebP or GIF file.`);
  }
}

const DRAWING = 280;

function Drawing({ onPicture }: { onPicture(picture: Promise<ImageBitmap>): void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number } | undefined>(undefined);
  const clear = (): void => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.fillStyle = "black";
    context.fillRect(0, 0, DRAWING, DRAWING);
  };
  useEffect(clear, []);

  const pointOf = (event: PointerEvent): { x: number; y: number } => {
    const box = canvas.current!.getBoundingClientRect();
    const zoom = DRAWING / box.width;
    return { x: (event.clientX - box.left) * zoom, y: (event.clientY - box.top) * zoom };
  };
  const stroke = (event: PointerEvent): void => {
    const context = canvas.current?.getContext("2d");
    if (!context || !last.current) return;
    const point = pointOf(event);
    context.strokeStyle = "white";
    context.lineWidth = 22;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(last.current.x, last.current.y);
    context.lineTo(point.x, point.y);
    context.stroke();
    last.current = point;
  };
  const end = (): void => {
    if (!last.current) return;
    last.current = undefined;
    onPicture(createImageBitmap(canvas.current!));
  };

  return (
    <div class="drawing">
      <canvas
        ref={canvas}
        width={DRAWING}
        height={DRAWING}
        role="img"
        aria-label="Draw a digit here with the mouse, a pen or a finger"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = pointOf(event);
          stroke(event);
        }}
        onPointerMove={stroke}
        onPointerUp={end}
        onPointerCancel={end}
      />
      <div>
        <p>Draw one digit, as large as you like.</p>
        <button type="button" onClick={clear}>
          Clear
        </button>
      </div>
    </div>
  );
}

interface CameraProps {
  onPicture(picture: Promise<ImageBitmap>): void;
  onProblem(text: string): void;
}

function Camera({ onPicture, onProblem }: CameraProps) {
  const video = useRef<HTMLVideoElement>(null);
  const problem = useRef(onProblem);
  problem.current = onProblem;
  useEffect(() => {
    let stream: MediaStream | undefined;
    let closed = false;
    const stop = (): void => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const start = async (): Promise<void> => {
      if (!navigator.mediaDevices) throw new Error("a camera needs https or localhost");
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (closed || !video.current) return stop();
      video.current.srcObject = stream;
      await video.current.play();
    };
    start().catch((error: unknown) => {
      if (!closed) problem.current(`The camera could not be used: ${messageOf(error)}.`);
    });
    return () => {
      closed = true;
      stop();
    };
  }, []);
  return (
    <div class="drawing">
      <video ref={video} muted playsInline aria-label="What the camera sees" />
      <div>
        <p>Hold up one dark digit on plain paper.</p>
        <button type="button" onClick={() => video.current && onPicture(createImageBitmap(video.current))}>
          Take it
        </button>
      </div>
    </div>
  );
}
