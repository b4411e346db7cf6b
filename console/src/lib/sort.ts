export interface Sort {
  key: string;
  down: boolean;
}

export type Getters<Row> = Record<string, (row: Row) => number | string | null>;

// A sorted copy; rows without a value come last either way, equal rows keep their order.
export function sorted<Row>(rows: Row[], sort: Sort, getters: Getters<Row>): Row[] {
  const get = getters[sort.key];
  if (!get) return rows;
  const sign = sort.down ? -1 : 1;
  return rows
    .map((row, i) => ({ row, i, value: get(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return a.value === b.value ? a.i - b.i : a.value === null ? 1 : -1;
      const order =
        typeof a.value === 'string' || typeof b.value === 'string'
          ? String(a.value).localeCompare(String(b.value), 'en', { numeric: true })
          : a.value - b.value;
      return order ? sign * order : a.i - b.i;
    })
    .map((entry) => entry.row);
}
