// Mends the text of shaders on their way to a device: the order of directives, and what stock shaders get wrong for
// int32 and booleans, which are kept as int32. A shader that mixes types does not compile, and WebGPU continues
// with zeros.

/** Directives must come first in a shader, but the stock backend puts declarations in front of ours. */
function hoistEnables(code: string): string {
  const enables: string[] = [];
  const rest = code.replace(/^enable [\w, ]+;$/gm, (line) => {
    enables.push(line);
    return "";
  });
  return enables.length > 0 ? [...enables, rest].join("\n") : code;
}

/** Elements that are copied need the function for their type: in transpositions, and whatever is made of them. */
function writeIntegers(code: string): string {
  return code.replace(/setOutputAtIndex\((\w+), (\w+)\[/g, (call, index: string, array: string) =>
    code.includes(`${array}: array<i32>`) ? `setOutputAtIndexI32(${index}, ${array}[` : call,
  );
}

/** Segment sums of int32: the stock shader adds the bits of floats. */
function addIntegers(code: string): string {
  return code.replace(
    /(let value = getX\(.*\);\s+atomicAdd\(&result\[\w+\], )bitcast<i32>\(value\)/,
    "$1i32(value)",
  );
}

/** Scattered booleans: where several meet, one true is enough. */
function scatterBooleans(code: string): string {
  if (!/let updateValue =\s+i32\(/.test(code)) return code;
  return code.replace(
    /let newValueF32 = .*\(updateValue\);\s+let newValue = bitcast<i32>\(newValueF32\);/,
    "let newValue = max(oldValue, updateValue);",
  );
}

/** Powers of int32 are computed in floats, and would be truncated: 6² = 35. */
function roundPowers(code: string): string {
  if (!code.includes("pow(abs(a), b)")) return code;
  return code.replace(
    /(fn setOutputAtIndex\(.*\{\s+result\[flatIndex\] = (?:vec4<i32>|i32))\(value\);/,
    "$1(round(value));",
  );
}

const MENDS = [hoistEnables, writeIntegers, addIntegers, scatterBooleans, roundPowers];

/** Mends every shader that a device is given from now on. */
export function mendShaders(device: GPUDevice): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) =>
    create({ ...descriptor, code: MENDS.reduce((code, mend) => mend(code), descriptor.code) });
}
