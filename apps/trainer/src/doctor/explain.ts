// What to do about the reasons that the system's loader gives, in plain words.

/** Advice on why the native library did not load; undefined where the reason speaks for itself. */
export function explainLoadFailure(reason: string): string | undefined {
  const [, library] = /(lib[\w.+-]+): cannot open shared object file/.exec(reason) ?? [];
  if (library?.startsWith("libtensorflow")) {
    return "the binding is there without its library: build it again, with --force";
  }
  if (library)
    return `install the package of your system that has ${library}, or add its folder to LD_LIBRARY_PATH`;
  const [, glibc] = /version `(GLIBC(?:XX)?_[\d.]+)' not found/.exec(reason) ?? [];
  if (glibc) return `the library was built for a newer system (${glibc}): build the binding on this one`;
  if (/invalid ELF header|wrong ELF class|not a valid Win32|incompatible architecture/.test(reason)) {
    return "the binding was built for another kind of processor or system: build it on this one";
  }
  if (/NODE_MODULE_VERSION|module version/i.test(reason)) {
    return "the binding was built for another version of Node: build it again, with --force";
  }
  return undefined;
}
