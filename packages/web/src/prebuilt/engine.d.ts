/** Starts an engine that listens to a port. */
export function startEngine(port: MessagePort): void;
