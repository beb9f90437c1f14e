// Builds the binding of @tensorflow/tfjs-node from the sources in its npm package, against a given libtensorflow or the
// one in a TensorFlow wheel. Linux on x64 or arm64; needs a C++17 compiler.
//
//   node tooling/tfjs-node-from-source/build.mjs [options]     (--help lists them)
//
// The result goes where the package's own install script would put it: lib/napi-v8 and deps.

import { execFile } from "node:child_process";
import {
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const backend = path.resolve(fileURLToPath(new URL("../../packages/backend-node/", import.meta.url)));
const require = createRequire(path.join(backend, "package.json"));

const HELP = `node tooling/tfjs-node-from-source/build.mjs [options]

  --package FOLDER        the installed @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu
                          (default: that of packages/backend-node)
  --cuda                  build @tensorflow/tfjs-node-gpu with the CUDA build of TensorFlow
  --libtensorflow FOLDER  use this libtensorflow: a folder with include/ and lib/, as in TensorFlow's C archives
  --wheel FILE            use the libtensorflow of this TensorFlow wheel
  --tensorflow VERSION    otherwise download the wheel of this version with pip (default: 2.15.1)
  --python COMMAND        a Python with pip (default: python3)
  --compiler COMMAND      default: CXX, else g++
  --force                 rebuild even if the existing binding works`;

const options = readOptions();

function readOptions() {
  try {
    return parseArgs({
      options: {
        package: { type: "string" },
        cuda: { type: "boolean", default: false },
        libtensorflow: { type: "string" },
        wheel: { type: "string" },
        tensorflow: { type: "string", default: "2.15.1" },
        python: { type: "string", default: "python3" },
        compiler: { type: "string", default: process.env.CXX ?? "g++" },
        force: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    process.exit(1);
  }
}

/** The libraries to link with: the first holds the C API, whichever its name. */
const C_API_LIBRARIES = ["libtensorflow.so.2", "libtensorflow_cc.so.2"];
const FRAMEWORK_LIBRARY = "libtensorflow_framework.so.2";

class UserError extends Error {}

try {
  if (options.help) console.log(HELP);
  else await main();
} catch (error) {
  console.error(error instanceof UserError ? error.message : error);
  process.exitCode = 1;
}

async function main() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    throw new UserError(`expected Linux on x64 or arm64, got ${process.platform} on ${process.arch}`);
  }
  const folder = packageFolder();
  const binding = path.join(folder, "lib", "napi-v8", "tfjs_binding.node");
  if (!options.force && existsSync(binding)) {
    const version = await libraryVersion(binding).catch(() => undefined);
    if (version) {
      console.log(`${binding} exists and loads TensorFlow ${version}; --force rebuilds it`);
      return;
    }
  }
  // Existing files are replaced only when all new ones are complete.
  const deps = path.join(folder, "deps");
  const fresh = { deps: `${deps}.new`, binding: `${binding}.new` };
  const remove = (file) => rmSync(file, { recursive: true, force: true });
  remove(fresh.deps);
  try {
    mkdirSync(path.join(fresh.deps, "lib"), { recursive: true });
    mkdirSync(path.dirname(binding), { recursive: true });
    await provideLibrary(fresh.deps);
    await compile(folder, fresh.deps, fresh.binding);
    remove(deps);
    renameSync(fresh.deps, deps);
    renameSync(fresh.binding, binding);
  } finally {
    remove(fresh.deps);
    remove(fresh.binding);
  }
  console.log(`${binding} loads TensorFlow ${await libraryVersion(binding)}`);
}

function packageFolder() {
  if (options.package) {
    const folder = path.resolve(options.package);
    if (existsSync(path.join(folder, "binding", "tfjs_binding.cc"))) return realpathSync(folder);
    throw new UserError(`--package must be the folder of @tensorflow/tfjs-node, got ${folder}`);
  }
  const name = `@tensorflow/tfjs-node${options.cuda ? "-gpu" : ""}`;
  // The package's main file does not load without a binding, so resolve its package.json.
  try {
    return path.dirname(realpathSync(require.resolve(`${name}/package.json`)));
  } catch {
    throw new UserError(`${name} is not installed in ${backend}: install it or pass --package`);
  }
}

/** Copies headers and libraries to `deps`/include and `deps`/lib. */
async function provideLibrary(deps) {
  if (options.libtensorflow) {
    for (const part of ["include", "lib"]) {
      const from = path.join(options.libtensorflow, part);
      if (!existsSync(from))
        throw new UserError(`--libtensorflow must contain include/ and lib/: no ${from}`);
      cpSync(from, path.join(deps, part), { recursive: true, verbatimSymlinks: true });
    }
    return;
  }
  if (options.wheel) {
    await extractWheel(options.wheel, deps);
    return;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), "tensorflow-"));
  try {
    await extractWheel(await fetchWheel(folder), deps);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Has pip download the wheel for this machine: it knows the user's index, proxy and cache, and checks the file's hash.
 */
async function fetchWheel(folder) {
  const arm = process.arch === "arm64";
  const project = options.cuda ? "tensorflow" : arm ? "tensorflow-cpu-aws" : "tensorflow-cpu";
  const wanted = `${project}==${options.tensorflow}`;
  console.log(`downloading ${wanted} …`);
  // Wheels differ by Python version, but their libraries are the same. Old releases do not support new Pythons.
  const [, minor] = options.tensorflow.split(".").map(Number);
  const args = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "--dest",
    folder,
  ];
  const wheels = ["--only-binary=:all:", `--python-version=${minor < 12 ? "3.10" : "3.11"}`];
  await run(options.python, [...args, ...wheels, wanted]).catch((error) => {
    const reason = error.code === "ENOENT" ? `no command ${options.python}` : error.stderr.trim();
    throw new UserError(`pip cannot download ${wanted}; pass --wheel or --libtensorflow:\n${reason}`);
  });
  return path.join(folder, readdirSync(folder)[0]);
}

/** Headers of the C API and their includes, and every shared library beside libtensorflow. */
async function extractWheel(file, deps) {
  const { openPromise } = require("yauzl");
  if (!existsSync(file)) throw new UserError(`no file ${file}`);
  const zip = await openPromise(file, { lazyEntries: true });
  for await (const entry of zip.eachEntry()) {
    const target = placeOf(entry.fileName);
    if (!target) continue;
    const destination = path.join(deps, target);
    mkdirSync(path.dirname(destination), { recursive: true });
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(destination));
  }
}

function placeOf(name) {
  if (name.endsWith("/") || name.includes("..")) return undefined;
  const header = /^tensorflow\/include\/((?:tensorflow\/c|tensorflow\/core\/platform|tsl|xla\/tsl)\/.*\.h)$/;
  const library = /^(?:tensorflow|[\w-]+\.libs)\/(lib[^/]*\.so[^/]*)$/;
  const [, include] = header.exec(name) ?? [];
  if (include) return path.join("include", include);
  const [, so] = library.exec(name) ?? [];
  return so ? path.join("lib", so) : undefined;
}

async function compile(folder, deps, binding) {
  const libraries = readdirSync(path.join(deps, "lib"));
  const main = C_API_LIBRARIES.find((name) => libraries.includes(name));
  if (!main || !libraries.includes(FRAMEWORK_LIBRARY)) {
    throw new UserError(
      `expected ${C_API_LIBRARIES.join(" or ")} and ${FRAMEWORK_LIBRARY}, got ${libraries.join(", ") || "no library"}`,
    );
  }
  const args = ["-O2", "-std=c++17", "-shared", "-fPIC", "-DNAPI_VERSION=8", "-o", binding];
  args.push(`-I${require("node-api-headers").include_dir}`, `-I${path.join(deps, "include")}`);
  args.push(
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((source) => path.join(folder, "binding", source)),
    `-L${path.join(deps, "lib")}`,
    `-l:${main}`,
    `-l:${FRAMEWORK_LIBRARY}`,
    "-Wl,-rpath,$ORIGIN/../../deps/lib",
    // Libraries that a CUDA build loads from elsewhere need not be present at link time.
    "-Wl,--allow-shlib-undefined",
  );
  console.log(`compiling ${path.join(folder, "binding")} …`);
  await run(options.compiler, args).catch((error) => {
    if (error.code === "ENOENT") {
      throw new UserError(`no C++ compiler ${options.compiler}: install one or set CXX`);
    }
    throw new UserError(`${options.compiler} failed:\n${error.stderr}`);
  });
}

/** The version that libtensorflow reports, asked in a separate process. */
async function libraryVersion(binding) {
  const program = "process.stdout.write(require(process.argv[1]).TF_Version)";
  const { stdout } = await run(process.execPath, ["-e", program, binding]).catch((error) => {
    throw new UserError(`the binding does not load:\n${error.stderr}`);
  });
  return stdout;
}
