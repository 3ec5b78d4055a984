import { readFileSync } from 'node:fs'
import path from 'node:path'

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[]
}

/** What docs/grafana-dashboard.json asks of Prometheus. */
export function dashboardQueries(): { title: string; expr: string }[] {
  const file = path.join(__dirname, '../../docs/grafana-dashboard.json')
  const { panels }: Dashboard = JSON.parse(readFileSync(file, 'utf8'))
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ title, expr })),
  )
}
