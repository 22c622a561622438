import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'
import OperationsView from '@/views/operations/OperationsView.vue'

/** Every view of the console; the top bar lists those with a title. */
export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'operations', component: OperationsView, meta: { title: 'nav.operations' } },
  {
    path: '/flood',
    name: 'flood',
    component: () => import('@/views/flood/FloodView.vue'),
    meta: { title: 'nav.flood' },
  },
  { path: '/feeds', name: 'feeds', component: () => import('@/views/feeds/FeedsView.vue'), meta: { title: 'nav.feeds' } },
  {
    path: '/sensors',
    name: 'sensors',
    component: () => import('@/views/sensor/SensorView.vue'),
    meta: { title: 'nav.sensors' },
  },
  {
    path: '/report',
    name: 'report',
    component: () => import('@/views/report/ReportView.vue'),
    meta: { title: 'nav.report' },
  },
  { path: '/:rest(.*)*', redirect: '/' },
]

export const router = createRouter({ history: createWebHashHistory(), routes })
