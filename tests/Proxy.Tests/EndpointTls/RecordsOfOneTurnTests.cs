using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing.Certificates;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>A secure layer gives one record at a time, also where more have come: nothing of one may run over another that is still needed.</summary>
public sealed class RecordsOfOneTurnTests
{
    private static readonly TestAuthority Root = TestAuthority.Root();

    [Theory]
    [InlineData(5)]
    [InlineData(16_000)]
    public async Task A_head_and_a_body_in_records_of_their_own_arrive_whole_when_they_come_at_once(int length)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var body = new string('b', length);
        var serving = ServeAsync(listener, $"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nx-of-head: kept\r\n\r\n", body);
        await using var proxy = await StartAsync(Common(Trust(Root.Pem)), ((IPEndPoint)listener.LocalEndpoint).Port);

        var response = await proxy.GetAsync();

        response.Status.Should().Be(200);
        response.Headers["x-of-head"].Should().Be("kept");
        response.BodyText.Should().Be(body);
        await serving;
    }

    /// <summary>Answers one request with these texts, each in a record, all in one segment.</summary>
    private static async Task ServeAsync(TcpListener listener, params string[] records)
    {
        var leaf = Root.Issue(null, "localhost");
        using var client = await listener.AcceptTcpClientAsync();
        await using var output = new HeldOutput(client.GetStream());
        await using var tls = new SslStream(output);
        using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(leaf.Chain, leaf.Key);
        await tls.AuthenticateAsServerAsync(certificate);
        _ = await tls.ReadAsync(new byte[16 * 1024]);
        output.IsHolding = true;
        foreach (var record in records)
        {
            await tls.WriteAsync(Encoding.ASCII.GetBytes(record));
        }

        await output.ReleaseAsync();
    }

    /// <summary>A stream that gathers what is written while it is told to.</summary>
    private sealed class HeldOutput(Stream inner) : Stream
    {
        private readonly MemoryStream _held = new();

        public bool IsHolding { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public async Task ReleaseAsync()
        {
            IsHolding = false;
            await inner.WriteAsync(_held.GetBuffer().AsMemory(0, (int)_held.Length));
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => (IsHolding ? _held : inner).Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => (IsHolding ? _held : inner).WriteAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
