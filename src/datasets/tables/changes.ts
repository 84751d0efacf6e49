/** One statement, and what it does as a line for a person. */
export interface TableChange {
  sql: string;
  says: string;
}

/** What is to be done, in this order. With refusals nothing is: there are no changes then. */
export interface TablePlan {
  changes: TableChange[];
  /** What can't be done, and what to do instead, each as a sentence. */
  refusals: string[];
}

export interface PlanOptions {
  /** Where the tables are, and `dataset_loads`. */
  database: string;
  /** Rows that a shorter ttl no longer keeps may be deleted. Default false. */
  allowDelete?: boolean;
}
