interface Props {
  /** From 0 to 1. */
  values: ArrayLike<number>;
  names: readonly string[];
  /** Index of the right class. */
  truth?: number | undefined;
  label: string;
}

/** Probabilities of classes as bars. */
export function Bars({ values, names, truth, label }: Props) {
  const largest = Math.max(...Array.from(values));
  const rank = (i: number): string => {
    if (largest === 0 || values[i] < largest) return "";
    return truth === undefined || truth === i ? "best" : "best wrong";
  };
  return (
    <ul class="bars" aria-label={label}>
      {names.map((name, i) => (
        <li key={name} class={rank(i)}>
          <span class="bar-name">{name}</span>
          <span class="bar-track">
            <span class="bar-fill" style={{ transform: `scaleX(${values[i]})` }} />
          </span>
          <span class="bar-value">{percent(values[i])}</span>
        </li>
      ))}
    </ul>
  );
}

/** "97 %". */
export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;
