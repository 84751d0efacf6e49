import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

export interface Choice {
  ids: ReadonlySet<string>;
  toggle: (id: string) => void;
  all: (ids: readonly string[]) => void;
  none: () => void;
}

/** Which rows of a table are chosen. */
export function useChoice(): Choice {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  return {
    ids,
    toggle: (id) =>
      setIds((before) => {
        const after = new Set(before);
        if (!after.delete(id)) after.add(id);
        return after;
      }),
    all: (every) => setIds(new Set(every)),
    none: () => setIds(new Set()),
  };
}

export function ChooseAll({ choice, of }: { choice: Choice; of: readonly string[] }): JSX.Element {
  const isAll = of.length > 0 && of.every((id) => choice.ids.has(id));
  return (
    <input
      type="checkbox"
      aria-label="Choose all"
      checked={isAll}
      onChange={() => (isAll ? choice.none() : choice.all(of))}
    />
  );
}

export function Choose({ choice, id }: { choice: Choice; id: string }): JSX.Element {
  return (
    <input
      type="checkbox"
      aria-label={`Choose ${id}`}
      checked={choice.ids.has(id)}
      onChange={() => choice.toggle(id)}
    />
  );
}
