import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Image } from '../answers.js';

type Result = Image['images'][number]['results'][number];

const COLOURS = 6;

/** The picture with its boxes drawn over it, in the pixels that they are counted in. */
export function Picture(props: {
  /** With its generation. */
  name: string;
  result: Result;
  chosen: number | undefined;
  choose: (index: number | undefined) => void;
}): JSX.Element {
  const { name, result, chosen, choose } = props;
  const [failed, setFailed] = useState(false);
  const { width, height, boxes } = result;
  const classes = [...new Set(boxes.map(([label]) => label))];
  const thick = Math.max(width, height) / 300;
  const found = classes.map((label) => `${boxes.filter(([of]) => of === label).length} ${label}`).join(', ');
  return (
    <figure class="picture">
      {failed && (
        <p class="notice">The picture can not be shown: it is gone, or no browser shows it. Its boxes are kept.</p>
      )}
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`The picture with its boxes: ${found || 'none'}`}>
        {!failed && (
          <image
            href={`/api/picture?${new URLSearchParams({ name }).toString()}`}
            width={width}
            height={height}
            preserveAspectRatio="none"
            onError={() => setFailed(true)}
          />
        )}
        {boxes.map(([label, , left, top, right, bottom], index) => (
          <rect
            key={index}
            class={`box colour${classes.indexOf(label) % COLOURS} ${chosen === undefined ? '' : chosen === index ? 'chosen' : 'faint'}`}
            x={left}
            y={top}
            width={Math.max(0, right - left)}
            height={Math.max(0, bottom - top)}
            stroke-width={thick}
            onClick={() => choose(chosen === index ? undefined : index)}
          />
        ))}
      </svg>
    </figure>
  );
}
