/** A function that runs when it is first called, and does nothing afterwards. If it throws, the next call tries again. */
export function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    try {
      run();
    } catch (error) {
      done = false;
      throw error;
    }
  };
}
