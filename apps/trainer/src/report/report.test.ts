import { describe, expect, it } from "vitest";
import { percent } from "./format.ts";
import { renderReport } from "./report.ts";
import { allAngles } from "./summary.ts";
import { fakeReport } from "./testing/fakeReport.ts";
import type { NetworkReport, RotationReport } from "./types.ts";

/** The report without what a network need not have. */
function bare(report: RotationReport): RotationReport {
  const networks = report.networks.map(
    ({ name, label, parameters, multiplyAdds, upright }): NetworkReport => ({
      name,
      label,
      parameters,
      multiplyAdds,
      upright,
      layers: [],
      history: [],
      epochs: [],
      angles: [],
    }),
  );
  return { ...report, networks };
}

const VOID_TAGS = new Set(["meta", "img"]);

/** Follows every tag and returns the ones that are closed out of order. */
function misnested(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, tag, rest] of page.matchAll(/<(\/?)([a-zA-Z][\w]*)((?:"[^"]*"|[^">])*)>/g)) {
    if (slash === "/") {
      if (open.pop() !== tag) wrong.push(tag);
    } else if (!VOID_TAGS.has(tag) && !rest.endsWith("/")) open.push(tag);
  }
  return [...wrong, ...open];
}

describe("renderReport", () => {
  const report = fakeReport();
  const page = renderReport(report);

  it("states title, date, data set, conclusion and command", () => {
    for (const text of [
      "<h1>GMR-ResNet on turned digits</h1>",
      "14 March 2025",
      "MNIST",
      "Trained on upright images only, GMR-ResNet reads",
      "npm run gmr -- quickstart --seed 1 --epochs 3",
      "60,000",
      "Example Processor 9000",
      "<dt>learningRate.schedule</dt><dd>cosine</dd>",
      "<dt>widths</dt><dd>[16,32,64]</dd>",
    ]) {
      expect(page).toContain(text);
    }
  });

  it("holds every figure", () => {
    for (const network of report.networks) {
      expect(page).toContain(network.parameters.toLocaleString("en-GB"));
      for (const { accuracy } of network.angles) expect(page).toContain(percent(accuracy));
      for (const epoch of network.epochs) expect(page).toContain(epoch.loss.toFixed(4));
      for (const layer of network.layers) expect(page).toContain(layer);
      for (const { layer } of network.kernels ?? []) expect(page).toContain(`<strong>${layer}</strong>`);
      for (const times of [network.upright.confusion, network.turnedConfusion ?? []].flat(2)) {
        expect(page).toContain(`title="${times.toLocaleString("en-GB")} of `);
      }
    }
    for (const degrees of allAngles(report.networks))
      expect(page).toContain(`<th scope="row">${degrees}°</th>`);
    expect(page.match(/<img src="data:image\/png;base64,/g)).toHaveLength(5 * 12);
  });

  it("needs nothing from outside and runs nothing", () => {
    expect(page).not.toMatch(/https?:/);
    expect(page).not.toMatch(/<script|<link|@import|url\((?!#)|\son\w+=/i);
    expect(page.match(/ (?:src|href)="(?!data:|#)/g)).toBeNull();
  });

  it("is well-formed, with unique ids and described charts", () => {
    expect(misnested(page)).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const charts = page.match(/<svg /g) ?? [];
    expect(charts.length).toBe(2 * 3 + 4);
    expect(
      page.match(/<svg [^>]*role="img" aria-labelledby=[^>]*><title [^>]*>[^<]+<\/title><desc [^>]*>[^<]+</g),
    ).toHaveLength(charts.length);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it("is the same each time", () => {
    expect(renderReport(fakeReport())).toBe(page);
  });

  it("escapes every text", () => {
    const nasty = `<script>alert("1")</script>&'`;
    const [first] = fakeReport().networks;
    const attacked: RotationReport = {
      ...fakeReport(),
      title: nasty,
      createdAt: nasty,
      command: nasty,
      dataset: { ...report.dataset, name: nasty },
      config: { [nasty]: nasty },
      environment: { ...report.environment, backend: nasty, cpu: nasty, versions: { [nasty]: nasty } },
      networks: [
        {
          ...first,
          name: nasty,
          label: nasty,
          layers: [nasty],
          kernels: first.kernels?.map((layer) => ({ ...layer, layer: nasty })) ?? [],
        },
      ],
      classNames: Array.from({ length: 10 }, () => nasty),
    };
    const result = renderReport(attacked);
    expect(result).not.toContain("<script");
    expect(result).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;");
    expect(misnested(result)).toEqual([]);
  });

  it("works with one network and with five", () => {
    const [first] = report.networks;
    const one = renderReport({ ...report, networks: [first] });
    expect(one).not.toContain("Dense twin");
    expect(one).toContain("accuracy from 80\u00a0% to 100\u00a0%");
    const networks = Array.from({ length: 5 }, (_, i) => ({
      ...first,
      name: `n${i}`,
      label: `Network ${i}`,
    }));
    expect(misnested(renderReport({ ...report, networks }))).toEqual([]);
  });

  it("leaves out what was not measured", () => {
    const result = renderReport(bare(report));
    expect(misnested(result)).toEqual([]);
    expect(result).not.toMatch(/NaN|undefined|Infinity/);
    for (const id of ["angles", "learning", "kernels"]) expect(result).not.toContain(`id="${id}"`);
    expect(result).toContain("of the upright test images correctly");
    expect(result).not.toContain("<svg");
    expect(renderReport({ ...report, networks: [] })).toContain("No network was evaluated.");
  });

  it("draws flat zero kernels, a single ring and a network that always fails", () => {
    const [first, second] = report.networks;
    const zero = {
      layer: "zero",
      kernelSize: 1,
      pictures: [{ width: 1, height: 1, values: [0] }],
      sigmas: [0.4],
    };
    const angles = first.angles.map(({ angle }) => ({ angle, accuracy: 0 }));
    const history = [{ step: 0, epoch: 0, loss: 0, accuracy: 0 }];
    const networks = [
      { ...first, kernels: [zero], angles, history },
      { ...second, history: [] },
    ];
    const result = renderReport({ ...report, networks });
    expect(result).not.toMatch(/NaN|Infinity/);
    expect(result).toContain("σ per ring: 0.40");
  });
});
