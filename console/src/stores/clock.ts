import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { Clock } from '@/api/types'

const TICK_MS = 200
/** The clock is told every two seconds while it runs; further than this it is not guessed. */
const AHEAD_S = 3

/** The run's clock, carried forward between what the server says of it. */
export const useClock = defineStore('clock', () => {
  const reading = shallowRef<Clock | null>(null)
  const now = ref(0)
  let told = 0
  let toldAt = 0
  let timer: ReturnType<typeof setInterval> | undefined

  function set(clock: Clock): void {
    const fresh = Date.parse(clock.now)
    const other = reading.value?.run_id !== clock.run_id || reading.value?.phase !== clock.phase
    reading.value = clock
    told = fresh
    toldAt = performance.now()
    // A run clock never steps back on screen by less than a guess could have been ahead.
    const lead = now.value - fresh
    if (other || lead < 0 || lead > clock.speed * AHEAD_S * 1000) now.value = fresh
    timer ??= setInterval(tick, TICK_MS)
  }

  function tick(): void {
    const clock = reading.value
    if (!clock || clock.phase !== 'running' || clock.speed <= 0) return
    const wall = Math.min(performance.now() - toldAt, AHEAD_S * 1000)
    now.value = Math.max(now.value, told + wall * clock.speed)
  }

  const running = computed(() => reading.value?.phase === 'running')
  const controllable = computed(() => !!reading.value && reading.value.mode !== 'live')
  return { reading, now, running, controllable, set }
})
