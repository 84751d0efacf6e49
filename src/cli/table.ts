import Table from 'cli-table3';

/** A table for a person: no colours, no lines between rows. */
export function createTable(head: readonly string[] = []): InstanceType<typeof Table> {
  return new Table({
    ...(head.length > 0 ? { head: [...head] } : {}),
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
}
