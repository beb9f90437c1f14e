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
      flips: [],
      validations: [],
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
      "54,000",
      "chosen on 6,000 images held out of the training images",
      "Example Processor 9000",
      '<th scope="row">learningRate.schedule</th><td>cosine</td>',
      '<th scope="row">widths</th><td>16, 32, 64</td>',
      "gmr train --preset mnist --set train.epochs=3",
    ]) {
      expect(page).toContain(text);
    }
  });

  it("holds every figure", () => {
    for (const network of report.networks) {
      expect(page).toContain(network.parameters.toLocaleString("en-GB"));
      for (const { score } of network.angles) expect(page).toContain(percent(score));
      for (const epoch of network.epochs) expect(page).toContain(epoch.loss.toFixed(4));
      for (const layer of network.layers) expect(page).toContain(layer);
      for (const { layer } of network.kernels ?? []) expect(page).toContain(`<strong>${layer}</strong>`);
      const { upright } = network;
      if (!("confusion" in upright)) throw new Error("expected a classifier");
      for (const figure of [upright.auc.toFixed(4), percent(upright.ece), percent(upright.f1)]) {
        expect(page).toContain(figure);
      }
      for (const times of [upright.confusion, network.turnedConfusion ?? []].flat(2)) {
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

  it("shows masks of segmentation, mistakes of classification, and widths over training", () => {
    const [first] = report.networks;
    const picture = "data:image/png;base64,AAAA";
    const metrics = {
      count: 2,
      accuracy: 0.9,
      dice: 0.81234,
      interval: [0.7, 0.9],
      iou: 0.7,
      perClass: [0.95, 0.81234],
    };
    const { turnedConfusion: _, ...rest } = first;
    const segmenting: NetworkReport = {
      ...rest,
      upright: { ...metrics, interval: [0.7, 0.9], score: 0.81234 },
      angles: [{ angle: 45, score: 0.8, consistency: 0.975 }],
      masks: [{ title: "turned by 45°", image: picture, truth: picture, predicted: picture }],
    };
    const masks = renderReport({
      ...report,
      score: "Dice",
      networks: [segmenting],
      classNames: ["background", "nucleus"],
    });
    expect(masks).toContain("Dice of nucleus");
    expect(masks).toContain("0.8123");
    expect(masks).toContain("its masks turn with the images to a Dice of 0.975 or more");
    expect(masks.match(/turned by 45°/g)?.length).toBeGreaterThan(3);
    expect(misnested(masks)).toEqual([]);

    const sigmas = [{ layer: "conv1", points: [1, 2].map((step) => ({ step, sigmas: [0.4, step] })) }];
    const mistakes = [{ picture, label: 3, predicted: 8, confidence: 0.97, source: "a.png" }];
    const classes = renderReport({ ...report, networks: [{ ...first, mistakes, sigmas }] });
    expect(classes).toContain('alt="3, read as 8"');
    expect(classes).toContain("From 0.40, 1.00 to 0.40, 2.00, innermost ring first.");
    expect(misnested(classes)).toEqual([]);
    expect(classes).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it("draws flat zero kernels, a single ring and a network that always fails", () => {
    const [first, second] = report.networks;
    const zero = {
      layer: "zero",
      kernelSize: 1,
      pictures: [{ width: 1, height: 1, values: [0] }],
      sigmas: [0.4],
    };
    const angles = first.angles.map(({ angle }) => ({ angle, score: 0 }));
    const history = [{ step: 0, epoch: 0, loss: 0, accuracy: 0 }];
    const networks = [
      { ...first, kernels: [zero], angles, history, validations: [] },
      { ...second, history: [], validations: [] },
    ];
    const result = renderReport({ ...report, networks });
    expect(result).not.toMatch(/NaN|Infinity/);
    expect(result).toContain("σ per ring: 0.40");
  });
});
