import type { DatasetRun } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { digits } from './names.js';
import { inPieces, stagingTables, type StagingTables } from './tables.js';

/** Sorting and grouping go to disk above so many bytes. */
export const SPILL =
  'SETTINGS max_bytes_before_external_group_by = 1073741824, max_bytes_before_external_sort = 1073741824';

/** The rows of a run that were staged, without those that its late checks have set aside so far. */
export class Scope {
  readonly tables: StagingTables;
  /** Rows that were set aside late. */
  aside = 0;
  readonly #pieces: string;

  constructor(
    readonly warehouse: Warehouse,
    run: DatasetRun,
    private readonly of: { pieces: readonly string[]; late: string },
    aside = 0,
  ) {
    this.tables = stagingTables(run);
    this.#pieces = inPieces(of.pieces);
    this.aside = aside;
  }

  /** FROM and WHERE, to which conditions may be added with AND. */
  rows(): string {
    const { quarantine, rows } = this.tables;
    // Comparing each row with nothing costs as much as with something.
    const isKept =
      this.aside === 0
        ? ''
        : ` AND (_source, _line) NOT IN (SELECT source, line FROM ${quarantine} WHERE _piece = ${digits(this.of.late)})`;
    return `FROM ${rows} WHERE ${this.#pieces}${isKept}`;
  }

  async count(condition: string): Promise<number> {
    const [row] = await this.select<{ rows: string }>('count() AS rows', condition);
    return Number(row?.rows);
  }

  select<Row>(what: string, condition = 'true'): Promise<Row[]> {
    return this.warehouse.query<Row>(`SELECT ${what} ${this.rows()} AND (${condition}) ${SPILL}`);
  }

  /** Sets rows aside: `rows` selects _source, _line, reason, subject, detail and raw. */
  async setAside(rows: string): Promise<void> {
    const { quarantine } = this.tables;
    const late = digits(this.of.late);
    await this.warehouse.command(
      `INSERT INTO ${quarantine} (_piece, source, line, reason, subject, detail, raw)
       SELECT ${late}, _source, _line, reason, subject, detail, raw FROM (${rows}) ${SPILL}`,
    );
    const [counted] = await this.warehouse.query<{ rows: string }>(
      `SELECT uniqExact(source, line) AS rows FROM ${quarantine} WHERE _piece = ${late}`,
    );
    this.aside = Number(counted?.rows);
  }
}
