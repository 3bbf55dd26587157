# The interop peer over Ruby's websocket-driver (the engine of faye-websocket and Action Cable): an echo
# endpoint in either role. See test/interop/README.md for the contract (arguments, observations, commands).
# The driver has no way to send a message in fragments, so the command `!fragments` is not used with it; it has no
# compression of its own.

require 'digest'
require 'json'
require 'openssl'
require 'socket'
require 'uri'
require 'websocket/driver'

SUBPROTOCOLS = ['echo.v1'].freeze
STDOUT_LOCK = Mutex.new

def observe(observation)
  STDOUT_LOCK.synchronize do
    $stdout.puts(JSON.generate(observation))
    $stdout.flush
  end
end

# What the driver asks of its socket: the URL that a client dials, and a way to write.
Wire = Struct.new(:io, :url) do
  def write(data)
    io.write(data)
  end
end

class Conversation
  def initialize(io, driver, id)
    @io = io
    @driver = driver
    @id = id
    @ended = false
    driver.on(:open) { observe(id: @id, event: 'open', protocol: driver.protocol || '') }
    driver.on(:message) { |event| receive(event.data) }
    driver.on(:close) { |event| finish(event: 'close', code: event.code, reason: event.reason) }
    driver.on(:error) do |event|
      status = event.message[/Unexpected response code: (\d+)/, 1]
      finish(status ? { event: 'refused', status: status.to_i } : { event: 'error', message: event.message })
    end
  end

  def run
    @driver.parse(@io.readpartial(65_536)) until @ended
  rescue SystemCallError, IOError, OpenSSL::SSL::SSLError => error
    finish(event: 'error', message: error.inspect)
  ensure
    @io.close
  end

  private

  def finish(observation)
    observe({ id: @id }.merge(observation)) unless @ended
    @ended = true
  end

  def receive(data)
    return obey(data[1..].split(' ', 3)) if data.is_a?(String) && data.start_with?('!')

    bytes = data.is_a?(String) ? data : data.pack('C*')
    observe(id: @id, event: 'message', type: data.is_a?(String) ? 'text' : 'binary',
            bytes: bytes.bytesize, sha256: Digest::SHA256.hexdigest(bytes))
    data.is_a?(String) ? @driver.text(data) : @driver.binary(data)
  end

  def obey(words)
    case words[0]
    when 'ping' then @driver.ping(words[1]) { observe(id: @id, event: 'pong', payload: words[1]) }
    when 'close' then @driver.close(words[2], words[1].to_i)
    end
  end
end

def serve(options)
  listener = TCPServer.new('127.0.0.1', 0)
  port = listener.addr[1]
  if options['--cert']
    context = OpenSSL::SSL::SSLContext.new
    context.cert = OpenSSL::X509::Certificate.new(File.read(options['--cert']))
    context.key = OpenSSL::PKey.read(File.read(options['--key']))
    listener = OpenSSL::SSL::SSLServer.new(listener, context)
  end
  observe(port: port)
  Thread.new { loop { accept(listener.accept) } }
  $stdin.read
end

def accept(io)
  Thread.new do
    driver = WebSocket::Driver.server(Wire.new(io), protocols: SUBPROTOCOLS)
    conversation = nil
    driver.on(:connect) do
      path = driver.env['PATH_INFO']
      if path.start_with?('/refuse/')
        io.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot here\n")
        io.close
        Thread.exit
      end
      conversation = Conversation.new(io, driver, path.split('/').last)
      driver.start
    end
    # The id of the conversation is known when the request line has been read.
    driver.parse(io.readpartial(65_536)) until conversation
    conversation.run
  end
end

def dial(options)
  $stdin.each_line(chomp: true) do |line|
    id, url, protocols = line.split("\t", -1)
    Thread.new { meet(id, url, protocols, options['--ca']) }
  end
end

def meet(id, url, protocols, authority)
  io = connect(URI.parse(url), authority)
  driver = WebSocket::Driver.client(Wire.new(io, url), protocols: protocols)
  conversation = Conversation.new(io, driver, id)
  driver.start
  conversation.run
rescue StandardError => error
  observe(id: id, event: 'error', message: error.inspect)
end

def connect(uri, authority)
  socket = TCPSocket.new(uri.host, uri.port)
  return socket unless uri.scheme == 'wss'

  context = OpenSSL::SSL::SSLContext.new
  context.set_params(ca_file: authority)
  tls = OpenSSL::SSL::SSLSocket.new(socket, context)
  tls.sync_close = true
  tls.connect
  tls.post_connection_check(uri.host)
  tls
end

role, *rest = ARGV
options = rest.each_slice(2).to_h
role == 'server' ? serve(options) : dial(options)
