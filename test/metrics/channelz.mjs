// Asks a gRPC server, by its channelz service, for what it knows of the connection
// on which it is asked; prints that as JSON.

import * as grpc from '@grpc/grpc-js'
import { channelzHandlers } from './setups/channelz.mjs'

const host = process.argv[2]
const server = new grpc.Server()
const service = grpc.getChannelzServiceDefinition()
server.addService(service, channelzHandlers())
const plain = grpc.ServerCredentials.createInsecure()
const port = await new Promise((resolve, reject) => {
  server.bindAsync(`${host}:0`, plain, (error, bound) => {
    if (error) reject(error)
    else resolve(bound)
  })
})
const Client = grpc.makeGenericClientConstructor(service, 'Channelz')
const client = new Client(`${host}:${port}`, grpc.credentials.createInsecure())

function ask(method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, (error, response) => {
      if (error) reject(error)
      else resolve(response)
    })
  })
}

const { server: servers } = await ask('GetServers', {})
const { server_id } = servers[0].ref
const { socket_ref } = await ask('GetServerSockets', { server_id })
const { socket } = await ask('GetSocket', socket_ref[0])
process.stdout.write(JSON.stringify(socket.data.option))
client.close()
server.forceShutdown()
