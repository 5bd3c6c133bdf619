using System.Runtime.InteropServices;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tests.Transport;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.Proxy.Tests.Tls;

/// <summary>
/// The end of a connection is announced (RFC 8446 section 6.1) also where the socket has taken the last byte before it and has no room for one more. A socket that
/// is full to the byte is made by filling one until it refuses, and another of its kind with one record less.
/// </summary>
public sealed partial class EndOfFullSocketTests : WorkerConnections
{
    private const long Far = 1_000_000;

    private static readonly byte[] Record = new byte[1000];

    private readonly TestAuthority _root = TestAuthority.Root();
    private readonly ServerTlsContext _server;
    private readonly ClientTlsContext _client;

    public EndOfFullSocketTests()
    {
        var leaf = _root.Issue(null, "localhost");
        _server = new ServerTlsContext(
            new DownstreamTlsConfig { Certificates = new ValueList<CertificateConfig>([new CertificateConfig { Source = "test", Chain = leaf.Chain, Key = leaf.Key }]) },
            "test", new TicketKeys(TimeProvider.System), TimeProvider.System);
        _client = new ClientTlsContext(new UpstreamTlsConfig());
    }

    [Fact]
    public Task An_end_behind_what_was_sent_arrives() => EndsAsync(static async connection =>
    {
        connection.ShutdownWrite();
        connection.PendingOutput.Should().BePositive("the announcement has no room");
        await connection.FlushedAsync();
        connection.Close();
    });

    [Fact]
    public Task An_end_with_the_last_bytes_arrives() => EndsAsync(static async connection =>
    {
        connection.SendLast().Should().BeFalse("the announcement has no room");
        await connection.FlushedAsync();
        connection.Close();
    });

    [Fact]
    public Task Ends_of_both_sides_arrive() => OnWorkerAsync(async () =>
    {
        var down = await RecordsThatFitAsync(fromServer: true);
        var up = await RecordsThatFitAsync(fromServer: false);
        var (server, client) = await ConnectPairAsync();
        Fill(server, down);
        Fill(client, up);
        server.ShutdownWrite();
        client.ShutdownWrite();
        server.PendingOutput.Should().BePositive();
        client.PendingOutput.Should().BePositive();

        var atServer = ReadToEndAsync(server);
        (await ReadToEndAsync(client)).Should().Be((down * Record.Length, Connection.EndOfStream));
        (await atServer).Should().Be((up * Record.Length, Connection.EndOfStream));
        server.Close();
        client.Close();
    });

    [Fact]
    public Task An_end_that_is_given_up_is_not_taken_for_an_announced_one() => OnWorkerAsync(async () =>
    {
        var (server, client) = await ConnectPairAsync();
        Fill(server, await RecordsThatFitAsync(fromServer: true) + 1);
        server.PendingOutput.Should().BePositive();
        server.Close();
        (await ReadToEndAsync(client)).End.Should().Be(Connection.Broken);
        client.Close();
    });

    public override void Dispose()
    {
        base.Dispose();
        _root.Dispose();
    }

    private static void Fill(Connection connection, int records)
    {
        for (var i = 0; i < records; i++)
        {
            connection.Send(Record).Should().BeTrue();
            connection.SendKept().Should().BeTrue();
        }
    }

    /// <summary>How many bytes came, and how it ended: only an announced end is <see cref="Connection.EndOfStream"/>.</summary>
    private static async LoopTask<(int Count, int End)> ReadToEndAsync(Connection connection)
    {
        var all = 0;
        while (true)
        {
            var count = connection.Receive(connection.Worker.ReceiveBuffer);
            if (count > 0)
            {
                all += count;
            }
            else if (count != Connection.WouldBlock)
            {
                return (all, count);
            }
            else
            {
                await connection.Readable();
            }
        }
    }

    private Task EndsAsync(Func<Connection, LoopTask> end) => OnWorkerAsync(async () =>
    {
        var records = await RecordsThatFitAsync(fromServer: true);
        var (server, client) = await ConnectPairAsync();
        Fill(server, records);
        server.PendingOutput.Should().Be(0, "the socket has taken all");
        var ending = end(server);

        (await ReadToEndAsync(client)).Should().Be((records * Record.Length, Connection.EndOfStream));
        await ending;
        client.Close();
    });

    /// <summary>How many records the socket takes; it has no room for another byte then.</summary>
    private async LoopTask<int> RecordsThatFitAsync(bool fromServer)
    {
        var (server, client) = await ConnectPairAsync();
        var (sender, records) = (fromServer ? server : client, 0);
        while (sender.PendingOutput == 0)
        {
            Fill(sender, 1);
            records++;
        }

        server.Close(reset: true);
        client.Close(reset: true);
        return records - 1;
    }

    private async LoopTask<(Connection Server, Connection Client)> ConnectPairAsync()
    {
        const int Unix = 1, StreamNonBlocking = 1 | 0x800 | 0x80000;
        var ends = new int[2];
        CreatePair(Unix, StreamNonBlocking, 0, ends).Should().Be(0);
        var server = new Connection(Worker, ends[0], this, writable: true);
        var client = new Connection(Worker, ends[1], this, writable: true);
        var accepting = new TlsSocket(server, _server).HandshakeAsync(Far);
        (await new TlsSocket(client, _client).HandshakeAsync(Far)).Should().Be(HandshakeResult.Done);
        (await accepting).Should().Be(HandshakeResult.Done);
        return (server, client);
    }

    [LibraryImport("libc", EntryPoint = "socketpair")]
    private static partial int CreatePair(int family, int type, int protocol, [Out, MarshalAs(UnmanagedType.LPArray, SizeConst = 2)] int[] ends);
}
