// Calls to the gateway. Every failure is an ApiError whose message can be shown to a person as it is.

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
  }
}

const KEY = 'plumb.key';

export function storedKey(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

export function storeKey(key: string) {
  sessionStorage.setItem(KEY, key);
}

export function authorization(): Record<string, string> {
  const key = storedKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

// What a failed response says of itself.
export async function failure(response: Response): Promise<ApiError> {
  let message = `The gateway answered ${response.status} ${response.statusText}`.trim();
  let code = 'http';
  try {
    const { error } = await response.json();
    if (typeof error?.message === 'string') message = error.message + (error.where ? ` (${error.where})` : '');
    if (typeof error?.code === 'string') code = error.code;
  } catch {
    // Not JSON: the status line has to do.
  }
  return new ApiError(message, response.status, code);
}

export const UNREACHABLE = 'The gateway does not answer. Is `plumb serve` still running?';

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: { ...authorization(), ...init.headers }, cache: 'no-store' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(UNREACHABLE, 0, 'unreachable');
  }
  if (!response.ok) throw await failure(response);
  return response;
}

export async function get<T>(path: string): Promise<T> {
  return (await call(path)).json();
}

export async function getText(path: string): Promise<string> {
  return (await call(path)).text();
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  return (await call(path, { method: 'POST', headers, body: JSON.stringify(body), signal })).json();
}
