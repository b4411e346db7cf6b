// What every page shares: the gateway's status, asked again every few seconds, and whether it answers at all.

import { ApiError, get } from './api';
import type { Status } from './types';

export const session = $state<{ status: Status | null; problem: string; needsKey: boolean }>({
  status: null,
  problem: '',
  needsKey: false,
});

export async function refresh() {
  try {
    session.status = await get<Status>('api/status');
    session.problem = '';
    session.needsKey = false;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) session.needsKey = true;
    session.problem = (error as Error).message;
  }
}

// Asks now and every `period_ms` while the page can be seen; returns what stops it.
export function watchStatus(period_ms: number): () => void {
  void refresh();
  const timer = setInterval(() => {
    if (!document.hidden) void refresh();
  }, period_ms);
  return () => clearInterval(timer);
}
