using System.Security.Cryptography;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Sessions that are continued, and those that are not. <c>openssl s_client</c> keeps them in a file.</summary>
public sealed class SessionTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();
    private readonly TempFolder _folder = new();
    private readonly TestCertificate _leaf;
    private int _files;

    public SessionTests() => _leaf = _root.Issue(null, "localhost");

    public void Dispose()
    {
        _root.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task A_session_is_continued_on_every_worker(string version)
    {
        await using var proxy = await StartAsync(workers: 2);
        var session = await FirstAsync(proxy, version);

        for (var i = 0; i < 6; i++)
        {
            (await NextAsync(proxy, version, session)).Should().Contain("Reused, TLSv1").And.Contain("hello");
        }

        (await proxy.SslAsync("session_reused")).Should().Be(6);
    }

    [Fact]
    public async Task Each_ticket_of_Tls_1_3_is_followed_by_another()
    {
        await using var proxy = await StartAsync();
        var session = await FirstAsync(proxy, "-tls1_3");

        for (var i = 0; i < 3; i++)
        {
            var next = File("next");
            (await NextAsync(proxy, "-tls1_3", session, "-sess_out", next)).Should().Contain("Reused, ");
            System.IO.File.ReadAllText(next).Should().NotBe(System.IO.File.ReadAllText(session));
            session = next;
        }
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task Two_proxies_with_the_same_keys_continue_each_others_sessions(string version)
    {
        var key = Key();
        await using var one = await StartAsync(key);
        await using var two = await StartAsync(key);
        await using var stranger = await StartAsync(Key());
        var session = await FirstAsync(one, version);

        (await NextAsync(two, version, session)).Should().Contain("Reused, ");
        (await NextAsync(stranger, version, session)).Should().Contain("New, ").And.Contain("hello");
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task A_ticket_of_an_older_key_is_taken_and_renewed_and_one_of_a_removed_key_is_not(string version)
    {
        var (old, current) = (Key(), Key());
        await using var before = await StartAsync(old);
        await using var during = await StartAsync(current, old);
        await using var after = await StartAsync(current);
        var session = await FirstAsync(before, version);

        var output = await NextAsync(during, version, session);

        output.Should().Contain("Reused, ");
        OpenSslClient.TicketKeyOf(output).Should().Be(OpenSslClient.NameOfKey(Convert.FromBase64String(current)), "the ticket was renewed with the current key");
        (await NextAsync(during, version, session)).Should().Contain("Reused, ");
        (await NextAsync(after, version, session)).Should().Contain("New, ");
    }

    [Fact]
    public async Task Keys_of_the_process_are_renewed_and_the_ones_before_still_read()
    {
        var clock = new ShiftedClock();
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_leaf), routes: Says("hello"))), time: clock);
        var session = await FirstAsync(proxy, "-tls1_3");
        var before = OpenSslClient.TicketKeyOf(await NextAsync(proxy, "-tls1_3", session));

        clock.Shift(TimeSpan.FromHours(12));
        var renewed = await NextAsync(proxy, "-tls1_3", session);
        clock.Shift(TimeSpan.FromHours(12));
        var late = await NextAsync(proxy, "-tls1_3", session);

        renewed.Should().Contain("Reused, ");
        OpenSslClient.TicketKeyOf(renewed).Should().NotBe(before);
        late.Should().Contain("New, ").And.Contain("hello");
    }

    [Fact]
    public async Task Sessions_are_continued_without_tickets_too()
    {
        await using var proxy = await StartAsync();
        var session = await FirstAsync(proxy, "-tls1_2", "-no_ticket");

        (await NextAsync(proxy, "-tls1_2", session, "-no_ticket")).Should().Contain("Reused, ");
    }

    [Theory]
    [InlineData("-tls1_2", "disable_stateless_session_resumption: true, disable_stateful_session_resumption: true", "")]
    [InlineData("-tls1_3", "disable_stateless_session_resumption: true", "")]
    [InlineData("-tls1_2", "disable_stateful_session_resumption: true", "-no_ticket")]
    public async Task Resumption_can_be_switched_off(string version, string settings, string option)
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_leaf, more: settings), routes: Says("hello"))));
        string[] more = option.Length > 0 ? [option] : [];
        var session = File("session");
        await OpenSslClient.GetAsync(proxy.Port, [version, "-sess_out", session, .. more]);

        var output = System.IO.File.Exists(session) ? await NextAsync(proxy, version, session, more) : await OpenSslClient.GetAsync(proxy.Port, version);

        output.Should().Contain("New, ").And.Contain("hello");
        (await proxy.SslAsync("session_reused")).Should().Be(0);
    }

    [Fact]
    public async Task Without_stateful_resumption_tickets_still_work()
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_leaf, more: "disable_stateful_session_resumption: true"), routes: Says("hello"))));

        (await NextAsync(proxy, "-tls1_2", await FirstAsync(proxy, "-tls1_2"))).Should().Contain("Reused, ");
    }

    [Fact]
    public async Task A_ticket_says_how_long_it_lives()
    {
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(_leaf, more: "session_timeout: 1234s"), routes: Says("hello"))));

        (await OpenSslClient.GetAsync(proxy.Port, "-tls1_2")).Should().Contain("TLS session ticket lifetime hint: 1234 (seconds)");
        (await OpenSslClient.GetAsync(proxy.Port, "-tls1_3")).Should().Contain("TLS session ticket lifetime hint: 1234 (seconds)");
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task A_session_is_not_continued_under_another_filter_chain_with_other_demands(string version)
    {
        var keys = $"session_ticket_keys: {{keys: [{{inline_bytes: \"{Key()}\"}}]}}";
        await using var proxy = await TlsProxy.StartAsync(Listener(string.Join(
            ',',
            Chain(TlsContext(_leaf, more: keys), "open", ["open.test"], routes: Says("open")),
            Chain(TlsContext(_leaf, validation: Trust(_root.Pem), more: keys), "closed", ["closed.test"], routes: Says("closed")))));
        var session = File("session");
        await OpenSslClient.GetAsync(proxy.Port, version, "-servername", "open.test", "-sess_out", session);

        var output = await OpenSslClient.GetAsync(proxy.Port, version, "-servername", "closed.test", "-sess_in", session);

        output.Should().NotContain("200 OK").And.NotContain("closed\n");
        (await proxy.SslAsync("fail_verify_no_cert")).Should().Be(1);
        (await proxy.SslAsync("session_reused")).Should().Be(0);
    }

    [Fact]
    public async Task A_continued_session_still_knows_the_client()
    {
        var client = _root.Issue(new LeafRequest { Subject = "CN=client" }, "client.test");
        await using var backend = Testing.Http.ScriptedBackend.Start(Testing.Http.BackendScripts.Answer(200, "hello"));
        await using var proxy = await TlsProxy.StartAsync(
            Listener(Chain(TlsContext(_leaf, validation: Trust(_root.Pem)), http: "forward_client_cert_details: SANITIZE_SET, set_current_client_cert_details: {subject: true},")), backend.Port);
        string[] identity = ["-cert", _folder.Write("client.pem", client.Chain), "-key", _folder.Write("client.key", client.Key)];
        foreach (var version in (string[])["-tls1_2", "-tls1_3"])
        {
            var session = File("session");
            (await OpenSslClient.GetAsync(proxy.Port, [version, "-sess_out", session, .. identity])).Should().Contain("New, ").And.Contain("hello");
            (await NextAsync(proxy, version, session, identity)).Should().Contain("Reused, ").And.Contain("hello");
        }

        backend.Requests.Should().HaveCount(4).And.OnlyContain(static request => request.Headers["x-forwarded-client-cert"]!.EndsWith(";Subject=\"CN=client\""));
    }

    private static string Key() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(80));

    private Task<TlsProxy> StartAsync(params string[] keys) => StartAsync(1, keys);

    private Task<TlsProxy> StartAsync(int workers, params string[] keys) => TlsProxy.StartAsync(
        Listener(Chain(TlsContext(_leaf, more: keys.Length == 0 ? "" : $"session_ticket_keys: {{keys: [{string.Join(',', keys.Select(static key => $"{{inline_bytes: \"{key}\"}}"))}]}}"), routes: Says("hello"))),
        workers: workers);

    private async Task<string> FirstAsync(TlsProxy proxy, string version, params string[] more)
    {
        var session = File("session");
        (await OpenSslClient.GetAsync(proxy.Port, [version, "-sess_out", session, .. more])).Should().Contain("New, ").And.Contain("hello");
        System.IO.File.Exists(session).Should().BeTrue();
        return session;
    }

    private static Task<string> NextAsync(TlsProxy proxy, string version, string session, params string[] more) =>
        OpenSslClient.GetAsync(proxy.Port, [version, "-sess_in", session, .. more]);

    private string File(string name) => _folder.File($"{name}{++_files}");

    /// <summary>The system's clock, moved on by jumps.</summary>
    private sealed class ShiftedClock : TimeProvider
    {
        private long _shift;

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _shift);

        public void Shift(TimeSpan by) => Interlocked.Add(ref _shift, (long)(by.TotalSeconds * TimestampFrequency));
    }
}
