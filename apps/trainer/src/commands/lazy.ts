/** An action that is imported when it runs, so that a start of the command reads the declarations alone. */
export function lazy<Args extends unknown[]>(load: () => Promise<(...args: Args) => unknown>) {
  return async (...args: Args): Promise<void> => {
    await (await load())(...args);
  };
}
