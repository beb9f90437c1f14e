import { describe, expect, it } from "vitest";
import { expectGmrError } from "../../../tooling/testing/expectGmrError.ts";
import { type InstalledPackage, installedPackages, loadPackage, PACKAGES, usablePackage } from "./load.ts";

const [gpu, cpu] = PACKAGES;
const installed = (name: (typeof PACKAGES)[number], binding?: string): InstalledPackage => ({
  name,
  folder: "folder",
  binding,
});
const build = "run its install script, or tooling/tfjs-node-from-source/build.mjs of GMR-Conv";

describe("usablePackage", () => {
  it("prefers the GPU package, unless told otherwise", () => {
    const both = [installed(gpu, "a"), installed(cpu, "b")];
    expect(usablePackage(undefined, both).name).toBe(gpu);
    expect(usablePackage(cpu, both).name).toBe(cpu);
    expect(usablePackage(undefined, [installed(gpu), installed(cpu, "b")]).name).toBe(cpu);
  });

  it("names both packages if none is installed", () =>
    expectGmrError(
      () => usablePackage(undefined, []),
      "unsupported",
      `neither ${gpu} nor ${cpu} is installed: install one of them`,
    ));

  it("says which one lacks its binding", async () => {
    await expectGmrError(
      () => usablePackage(undefined, [installed(cpu)]),
      "unsupported",
      `${gpu} is not installed, ${cpu} is installed without its native binding: ${build}`,
    );
    await expectGmrError(
      () => usablePackage(gpu, [installed(gpu), installed(cpu, "b")]),
      "unsupported",
      `${gpu} is installed without its native binding: ${build}`,
    );
  });
});

it("finds what is installed", () => {
  expect(installedPackages().map(({ name }) => name)).toContain(cpu);
});

it("reports the loader's reason", () =>
  expectGmrError(
    () => loadPackage(installed("@tensorflow/no-such-package" as typeof cpu)),
    "unsupported",
    "@tensorflow/no-such-package does not load: Cannot find module '@tensorflow/no-such-package'",
  ));
