using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Proxy.Dns;

namespace KubeProxyNet.Proxy.Tests.Dns;

/// <summary>A query as it came.</summary>
internal sealed record ReceivedQuery(ushort Id, DnsQuestion Question, int? PayloadSize, bool IsTcp, int SourcePort);

/// <summary>
/// A DNS server on 127.0.0.1, over UDP and TCP on the same port. What it says to a query is a script: the messages to send, none for silence.
/// A name without a script does not exist.
/// </summary>
internal sealed class ScriptedNameserver : IAsyncDisposable
{
    private readonly ConcurrentDictionary<DnsQuestion, Func<ReceivedQuery, IEnumerable<byte[]>>> _scripts = new();
    private readonly ConcurrentQueue<ReceivedQuery> _queries = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Socket _tcp = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Task _service;

    public ScriptedNameserver()
    {
        Bind();
        _tcp.Listen();
        _service = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    public IPEndPoint EndPoint => (IPEndPoint)_udp.LocalEndPoint!;

    public int Port => EndPoint.Port;

    public IReadOnlyCollection<ReceivedQuery> Queries => _queries;

    /// <summary>What is said to everything that has no script of its own; that there is no such name until it is set.</summary>
    public Func<ReceivedQuery, IEnumerable<byte[]>> Otherwise { get; set; } = NameError(0, 0);

    public static Func<ReceivedQuery, IEnumerable<byte[]>> Silence => static _ => [];

    public static Func<ReceivedQuery, IEnumerable<byte[]>> Records(params DnsRecord[] records) =>
        query => [DnsReplies.Write(query.Id, query.Question, answers: records, hasEdns: query.PayloadSize is not null)];

    public static Func<ReceivedQuery, IEnumerable<byte[]>> Code(DnsResponseCode code) =>
        query => [DnsReplies.Write(query.Id, query.Question, DnsReplies.Response | (int)code)];

    /// <summary>There is no such name.</summary>
    public static Func<ReceivedQuery, IEnumerable<byte[]>> NameError(uint ttl, uint minimum) => query =>
        [DnsReplies.Write(query.Id, query.Question, DnsReplies.Response | (int)DnsResponseCode.NameError, authorities: ttl == 0 ? [] : [DnsReplies.Zone(ttl, minimum)])];

    /// <summary>The name has nothing of that type.</summary>
    public static Func<ReceivedQuery, IEnumerable<byte[]>> NoData(uint ttl, uint minimum) =>
        query => [DnsReplies.Write(query.Id, query.Question, authorities: [DnsReplies.Zone(ttl, minimum)])];

    public ReceivedQuery[] QueriesFor(string name, DnsRecordType type = DnsRecordType.A) => [.. _queries.Where(query => query.Question == new DnsQuestion(name, type))];

    public void Set(string name, DnsRecordType type, Func<ReceivedQuery, IEnumerable<byte[]>> script) => _scripts[new DnsQuestion(name, type)] = script;

    /// <summary>Gives a name IPv4 addresses, and no IPv6 ones.</summary>
    public void SetAddresses(string name, uint ttl, params string[] addresses)
    {
        Set(name, DnsRecordType.A, Records([.. addresses.Select(address => DnsReplies.Address(name, address, ttl))]));
        Set(name, DnsRecordType.Aaaa, NoData(ttl, ttl));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _service;
        _stop.Dispose();
    }

    private void Bind()
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                var free = (IPEndPoint)probe.LocalEndPoint!;
                probe.Dispose();
                _tcp.Bind(free);
                _udp.Bind(free);
                return;
            }
            catch (SocketException) when (attempt < 20 && !_tcp.IsBound)
            {
                // Another took the port in between.
            }
        }
    }

    private IEnumerable<byte[]> Answer(ReadOnlySpan<byte> message, bool isTcp, EndPoint from)
    {
        if (DnsReplies.ReadQuery(message) is not { } query)
        {
            return [];
        }

        var received = new ReceivedQuery(query.Id, query.Question, query.PayloadSize, isTcp, ((IPEndPoint)from).Port);
        _queries.Enqueue(received);
        return _scripts.GetValueOrDefault(query.Question, Otherwise)(received);
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var received = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                foreach (var reply in Answer(buffer.AsSpan(0, received.ReceivedBytes), isTcp: false, received.RemoteEndPoint))
                {
                    await _udp.SendToAsync(reply, SocketFlags.None, received.RemoteEndPoint, _stop.Token);
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeTcpAsync()
    {
        try
        {
            while (true)
            {
                using var connection = await _tcp.AcceptAsync(_stop.Token);
                await ServeAsync(connection);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        var buffer = new byte[4096];
        var length = 0;
        while (length < 2 || length < 2 + BinaryPrimitives.ReadUInt16BigEndian(buffer))
        {
            var received = await connection.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, _stop.Token);
            if (received == 0)
            {
                return;
            }

            length += received;
        }

        foreach (var reply in Answer(buffer.AsSpan(2, length - 2), isTcp: true, connection.RemoteEndPoint!))
        {
            await connection.SendAsync(new[] { (byte)(reply.Length >> 8), (byte)reply.Length }, SocketFlags.None, _stop.Token);
            await connection.SendAsync(reply, SocketFlags.None, _stop.Token);
        }
    }
}
