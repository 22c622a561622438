import type { Clock, Problem } from './types'

/** A refusal by the API, as problem details. */
export class Refusal extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.mend ? `${problem.detail} — ${problem.mend}` : problem.detail)
    this.problem = problem
  }
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T
  const type = response.headers.get('content-type') ?? ''
  const fallback: Problem = {
    type: 'about:blank',
    title: response.statusText,
    status: response.status,
    detail: `${response.status} ${response.statusText}`,
    where: '',
    mend: '',
  }
  throw new Refusal(type.includes('json') ? { ...fallback, ...((await response.json()) as Partial<Problem>) } : fallback)
}

/** Reads one address of the API. */
export async function read<T>(address: string, signal?: AbortSignal): Promise<T> {
  return answer<T>(await fetch(address, signal ? { signal } : {}))
}

/** Sends a body to one address of the API, in the name of a role. */
export async function send<T>(address: string, body: object = {}, role = 'duty_officer'): Promise<T> {
  const headers = { 'Content-Type': 'application/json', 'X-Role': role }
  return answer<T>(await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) }))
}

/** Gives an order in the name of a role. */
export async function order(name: string, body: object, role = 'duty_officer'): Promise<void> {
  await answer(
    await fetch(`/api/orders/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Role': role },
      body: JSON.stringify(body),
    }),
  )
}

/** Pauses, resumes, hurries or restarts the run. */
export async function setClock(wish: { phase?: string; speed?: number; restart?: boolean }): Promise<Clock> {
  const headers = { 'Content-Type': 'application/json' }
  return answer<Clock>(await fetch('/api/clock', { method: 'POST', headers, body: JSON.stringify(wish) }))
}
