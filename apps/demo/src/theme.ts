// Light or dark: the system's choice until the visitor makes one.

import { computed, signal } from "@preact/signals";

type Scheme = "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Scheme>(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => {
  system.value = dark.matches ? "dark" : "light";
});

const given = document.documentElement.dataset.theme;
const chosen = signal<Scheme | undefined>(given === "light" || given === "dark" ? given : undefined);

export const scheme = computed<Scheme>(() => chosen.value ?? system.value);

export function toggleTheme(): void {
  chosen.value = scheme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = chosen.value;
  try {
    localStorage.setItem("theme", chosen.value);
  } catch {} // storage may be forbidden
}
