import { loadClassifier } from "@gmr-conv/web";

const [canvas, button] = [document.querySelector("canvas"), document.querySelector("button")];
const [digit, status] = [document.querySelector("#digit"), document.querySelector("#status")];
const context = canvas.getContext("2d", { willReadFrequently: true });
Object.assign(context, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "white" });

function clear() {
  context.fillRect(0, 0, canvas.width, canvas.height);
  digit.textContent = "";
}

clear();
button.onclick = clear;
try {
  const classifier = await loadClassifier(new URL("network/", document.baseURI));
  status.textContent = `Ready, on ${classifier.backend.name}.`;
  canvas.onpointerdown = ({ pointerId, offsetX, offsetY }) => {
    canvas.setPointerCapture(pointerId);
    context.beginPath();
    context.moveTo(offsetX, offsetY);
  };
  canvas.onpointermove = ({ buttons, offsetX, offsetY }) => {
    if (buttons === 0) return;
    context.lineTo(offsetX, offsetY);
    context.stroke();
  };
  canvas.onpointerup = async () => {
    const { classes, milliseconds } = await classifier.classify(canvas);
    const [{ name, probability }] = classes;
    digit.textContent = name;
    status.textContent = `${Math.round(100 * probability)} % sure, in ${Math.round(milliseconds)} ms`;
  };
} catch (error) {
  status.textContent = error.message;
}
