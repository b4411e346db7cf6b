// What is said of the clauses that nothing was found for, where no trained tier scores them.
export function nothing(silent: number, all: number): string {
  if (!all) return 'No clause scored this text.';
  return silent === all ? `Nothing was found for any of the ${all} clauses.` : `Nothing was found for the other ${silent} of ${all} clauses.`;
}
