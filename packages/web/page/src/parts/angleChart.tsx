const [WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM] = [380, 130, 52, 20, 20];

export interface AngleChartProps {
  /** Angles from 0 to 360 in rising order, with shares from 0 to 1. */
  points: readonly (readonly [angle: number, share: number])[];
  /** The least share that has room. */
  low: number;
  /** How shares are written. */
  text: (share: number) => string;
  label: string;
}

/** A share over the angle by which images are turned. */
export function AngleChart({ points, low, text, label }: AngleChartProps) {
  const x = (angle: number): number => LEFT + (angle / 360) * (WIDTH - LEFT - RIGHT);
  const y = (share: number): number => 8 + ((1 - share) / (1 - low)) * (HEIGHT - BOTTOM - 16);
  const line = points.map(([angle, share]) => `${x(angle).toFixed(1)},${y(share).toFixed(1)}`).join(" ");
  return (
    <svg class="angles" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {[low, 1].map((share) => (
        <g key={share}>
          <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(share)} y2={y(share)} />
          <text x={LEFT - 6} y={y(share) + 4} text-anchor="end">
            {text(share)}
          </text>
        </g>
      ))}
      {[0, 90, 180, 270, 360].map((angle) => (
        <text key={angle} x={x(angle)} y={HEIGHT - 4} text-anchor="middle">
          {angle}°
        </text>
      ))}
      <polyline class="curve" points={line} />
    </svg>
  );
}
