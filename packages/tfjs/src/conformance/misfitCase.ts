import { GmrError } from "@gmr-conv/core";
import * as tf from "@tensorflow/tfjs";
import type { KernelDeclaration } from "../kernels/declaration.ts";
import { type ConformanceCase, defineCase } from "./conformanceCase.ts";

/** A kernel called with tensors that do not fit each other must throw, and not read beyond a tensor's end. */
export function misfitCase<Inputs, Attrs extends tf.NamedAttrMap>(
  { name }: KernelDeclaration<Inputs, Attrs>,
  shapes: { readonly [Name in keyof Inputs]: readonly number[] },
  attrs: Attrs,
): ConformanceCase {
  const entries = Object.entries<readonly number[]>(shapes);
  const list = entries.map(([input, shape]) => `${input} [${shape}]`);
  if ("ringIndex" in attrs) list.push(`attributes ${JSON.stringify(attrs)}`);
  return defineCase(`${name} refuses ${list.join(", ")}`, async () => {
    try {
      tf.tidy(() => {
        const inputs = Object.fromEntries(entries.map(([input, shape]) => [input, tf.ones([...shape])]));
        tf.engine().runKernel(name, inputs, attrs);
      });
    } catch (error) {
      if (error instanceof GmrError && ["invalid-shape", "invalid-argument"].includes(error.code)) return;
      throw error;
    }
    throw new GmrError(
      "invalid-data",
      `${name} on backend "${tf.getBackend()}" accepts tensors that do not fit`,
    );
  }, [name]);
}
