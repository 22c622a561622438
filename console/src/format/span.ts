/** A span of time in the unit that a person would choose: `12 s`, `3.5 min`, `2.1 h`, `4 d`. */
export function span(seconds: number, language: string): string {
  const sign = seconds < 0 ? '−' : ''
  const s = Math.abs(seconds)
  const units: [number, string, string][] = [
    [86_400, 'd', '天'],
    [3600, 'h', '小时'],
    [60, 'min', '分钟'],
  ]
  for (const [size, en, zh] of units) {
    if (s >= size) return `${sign}${digits(s / size)} ${language === 'zh' ? zh : en}`
  }
  return `${sign}${digits(s)} ${language === 'zh' ? '秒' : 's'}`
}

function digits(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '')
}
