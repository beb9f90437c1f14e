// Light or dark: the system's choice until the visitor makes one. The page's head sets it before the first paint.

import { computed, effect, signal } from "@preact/signals";

type Scheme = "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Scheme>(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => {
  system.value = dark.matches ? "dark" : "light";
});

const chosen = signal<Scheme | undefined>(keptScheme());

export const scheme = computed<Scheme>(() => chosen.value ?? system.value);

effect(() => {
  document.documentElement.dataset.theme = scheme.value;
});

export function toggleTheme(): void {
  chosen.value = scheme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", chosen.value);
  } catch {} // storage may be forbidden
}

function keptScheme(): Scheme | undefined {
  try {
    const kept = localStorage.getItem("theme");
    return kept === "light" || kept === "dark" ? kept : undefined;
  } catch {
    return undefined;
  }
}
