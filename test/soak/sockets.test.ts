import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { Sockets } from './sockets.ts'

it('counts sockets that Node does not call active', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = new Sockets()
  const open = () => connect(port, '127.0.0.1').unref()
  const [first, second] = [open(), open()]
  expect(sockets.open()).toEqual([first, second])
  first.destroy()
  expect(sockets.open()).toEqual([second])
  second.destroy()
  expect(sockets.open()).toEqual([])
})
