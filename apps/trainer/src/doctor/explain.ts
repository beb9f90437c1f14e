// Advice on errors of the system's loader, in plain words.

/** Advice on why the native library did not load; undefined if the reason speaks for itself. */
export function explainLoadFailure(reason: string): string | undefined {
  const [, library] = /(lib[\w.+-]+): cannot open shared object file/.exec(reason) ?? [];
  if (library?.startsWith("libtensorflow")) {
    return "the binding is installed without its library: rebuild it with --force";
  }
  if (library)
    return `install the system package that provides ${library}, or add its folder to LD_LIBRARY_PATH`;
  const [, glibc] = /version `(GLIBC(?:XX)?_[\d.]+)' not found/.exec(reason) ?? [];
  if (glibc) return `the library was built for a newer system (${glibc}): build the binding on this one`;
  if (/invalid ELF header|wrong ELF class|not a valid Win32|incompatible architecture/.test(reason)) {
    return "the binding was built for another processor or system: build it on this one";
  }
  if (/NODE_MODULE_VERSION|module version/i.test(reason)) {
    return "the binding was built for another version of Node: rebuild it with --force";
  }
  return undefined;
}
