// Preloaded by register.mjs: takes each record, and does nothing with it.

import { subscribe } from 'node:diagnostics_channel'

subscribe('tcpinfo-socket:capture', () => {})
