import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/**
 * The sockets that this process has opened to others. Node tells of active resources, and a socket that is unref'd, as
 * those of a cache are, is not one of them.
 */
export class Sockets {
  #opened: WeakRef<Socket>[] = []

  constructor() {
    subscribe('net.client.socket', (message) => {
      this.#opened.push(new WeakRef((message as { socket: Socket }).socket))
    })
  }

  open(): Socket[] {
    const isOpen = (socket: Socket | undefined): socket is Socket => socket !== undefined && !socket.destroyed
    this.#opened = this.#opened.filter((opened) => isOpen(opened.deref()))
    return this.#opened.map((opened) => opened.deref()).filter(isOpen)
  }
}
