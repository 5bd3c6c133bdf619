using System.Buffers;
using System.IO.Hashing;
using System.Numerics;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>What hash policies make of a request.</summary>
public sealed class HashPolicyTests
{
    private static ulong Xx(string text, ulong seed = 0) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text), (long)seed);

    private static ulong? Hash(string url, string[] headers, params HashPolicy[] policies) => Hash(url, headers, policies, out _);

    private static ulong? Hash(string url, string[] headers, HashPolicy[] policies, out string setCookies, string peer = "10.0.0.1:5000")
    {
        var output = new ArrayBufferWriter<byte>();
        var isFound = Compile(policies).TryHash(new HashSource(RequestHeads.Get(url, headers), "10.0.0.9"u8, Encoding.ASCII.GetBytes(peer), "10.0.0.2:80"u8, output), out var hash);
        setCookies = Encoding.Latin1.GetString(output.WrittenSpan);
        return isFound ? hash : null;
    }

    private static CompiledHashPolicies Compile(params HashPolicy[] policies)
    {
        var scope = new CompilationScope(KubeProxyNet.Proxy.Config.Re2Syntax.Read);
        var compiled = CompiledHashPolicies.Compile(policies, "hash_policy", scope);
        scope.Errors.Should().BeEmpty();
        return compiled!;
    }

    private static IEnumerable<string> Errors(HashPolicy policy)
    {
        var scope = new CompilationScope(KubeProxyNet.Proxy.Config.Re2Syntax.Read);
        CompiledHashPolicies.Compile([policy], "hash_policy", scope);
        return scope.Errors.Select(static error => error.ToString());
    }

    [Fact]
    public void A_header_is_hashed_as_in_envoy()
    {
        Hash("http://h/", ["x-user: anna"], new HeaderHashPolicy("X-User", null)).Should().Be(Xx("anna"));
        Hash("http://h/", [], new HeaderHashPolicy("x-user", null)).Should().BeNull();
        Hash("http://h/p?q", [], new HeaderHashPolicy(":path", null)).Should().Be(Xx("/p?q"));
        Hash("http://h/", [], new HeaderHashPolicy("host", null)).Should().Be(Xx("h"));
    }

    [Fact]
    public void Several_values_of_a_header_count_in_any_order()
    {
        var expected = Xx("c", Xx("b", Xx("a")));
        Hash("http://h/", ["x-user: b", "other: x", "x-user: c", "x-user: a"], new HeaderHashPolicy("x-user", null)).Should().Be(expected);
        Hash("http://h/", ["x-user: a", "x-user: b", "x-user: c"], new HeaderHashPolicy("x-user", null)).Should().Be(expected);
    }

    [Fact]
    public void A_header_can_be_rewritten_before_it_is_hashed()
    {
        var policy = new HeaderHashPolicy("x-path", new RegexSubstitution("^/tenants/([^/]+)/.*$", @"\1"));
        Hash("http://h/", ["x-path: /tenants/acme/orders/7"], policy).Should().Be(Xx("acme"));
        Hash("http://h/", ["x-path: /tenants/acme/orders/7", "x-path: /tenants/aa/x"], policy).Should().Be(Xx("acme", Xx("aa")));
    }

    [Theory]
    [InlineData("cookie: session=abc")]
    [InlineData("cookie: a=b; session=abc; session=def")]
    [InlineData("cookie: session=\"abc\"")]
    [InlineData("cookie: asession=x; bad;  session=abc;c=d")]
    public void A_cookie_is_found_and_hashed(string header)
    {
        Hash("http://h/", [header], [new CookieHashPolicy("session") { Ttl = TimeSpan.FromSeconds(60) }], out var set).Should().Be(Xx("abc"));
        set.Should().BeEmpty();
    }

    [Fact]
    public void A_cookie_may_come_in_any_of_several_fields() =>
        Hash("http://h/", ["cookie: a=b", "cookie: session=abc"], new CookieHashPolicy("session")).Should().Be(Xx("abc"));

    [Theory]
    [InlineData("cookie: other=abc")]
    [InlineData("cookie: session=")]
    [InlineData("cookie: SESSION=abc")]
    public void Without_the_cookie_and_a_lifetime_there_is_no_hash(string header) => Hash("http://h/", [header], new CookieHashPolicy("session")).Should().BeNull();

    [Fact]
    public void A_client_without_a_cookie_is_given_one()
    {
        var policy = new CookieHashPolicy("session") { Ttl = TimeSpan.FromSeconds(90), Path = "/shop", Attributes = [new CookieAttribute("SameSite", "Lax"), new CookieAttribute("Secure", "")] };

        var hash = Hash("http://h/", [], [policy], out var set);

        var value = Xx("10.0.0.1:500010.0.0.2:80").ToString("x16");
        set.Should().Be($"set-cookie: session=\"{value}\"; Max-Age=90; Path=/shop; SameSite=Lax; Secure; HttpOnly\r\n");
        hash.Should().Be(Xx(value), "the request that comes with the cookie has to go to the same endpoint");
        Hash("http://h/", [$"cookie: session={value}"], policy).Should().Be(hash);
        Hash("http://h/", [], [policy], out _, peer: "10.0.0.1:5001").Should().NotBe(hash);
    }

    [Fact]
    public void A_lifetime_of_zero_gives_a_cookie_of_the_session()
    {
        Hash("http://h/", [], [new CookieHashPolicy("s") { Ttl = TimeSpan.Zero }], out var set);
        set.Should().MatchRegex("^set-cookie: s=\"[0-9a-f]{16}\"; HttpOnly\r\n$");
    }

    [Fact]
    public void The_clients_address_is_hashed_without_its_port() => Hash("http://h/", [], new SourceIpHashPolicy()).Should().Be(Xx("10.0.0.9"));

    [Theory]
    [InlineData("http://h/?user=anna", "anna")]
    [InlineData("http://h/?a=b&user=anna&user=bert", "anna")]
    [InlineData("http://h/?user", "")]
    [InlineData("http://h/?user=a%20b", "a%20b")]
    public void A_query_parameter_is_hashed_as_it_stands(string url, string value) => Hash(url, [], new QueryParameterHashPolicy("user")).Should().Be(Xx(value));

    [Theory]
    [InlineData("http://h/")]
    [InlineData("http://h/?User=anna")]
    public void Without_the_query_parameter_there_is_no_hash(string url) => Hash(url, [], new QueryParameterHashPolicy("user")).Should().BeNull();

    [Fact]
    public void Policies_are_combined_in_their_order()
    {
        HashPolicy[] policies = [new HeaderHashPolicy("a", null), new HeaderHashPolicy("missing", null), new SourceIpHashPolicy()];
        Hash("http://h/", ["a: 1"], policies).Should().Be(BitOperations.RotateLeft(Xx("1"), 1) ^ Xx("10.0.0.9"));
        Hash("http://h/", [], policies).Should().Be(Xx("10.0.0.9"));
        Hash("http://h/", ["a: 1"], new HeaderHashPolicy("a", null), new HeaderHashPolicy("a", null)).Should().NotBe(0);
    }

    [Fact]
    public void A_terminal_policy_ends_them_once_there_is_a_hash()
    {
        HashPolicy[] policies = [new HeaderHashPolicy("a", null) { IsTerminal = true }, new SourceIpHashPolicy()];
        Hash("http://h/", ["a: 1"], policies).Should().Be(Xx("1"));
        Hash("http://h/", [], policies).Should().Be(Xx("10.0.0.9"));
    }

    [Fact]
    public void A_hash_is_computed_without_allocation()
    {
        var policies = Compile(new HeaderHashPolicy("x-user", null), new CookieHashPolicy("session") { Ttl = TimeSpan.Zero }, new QueryParameterHashPolicy("q"), new SourceIpHashPolicy());
        var head = RequestHeads.Get("http://h/?q=1", "x-user: b", "x-user: a", "cookie: session=1");
        var isFound = policies.TryHash(new HashSource(head, "10.0.0.9"u8, "p"u8, "l"u8, null), out var first);

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                isFound &= policies.TryHash(new HashSource(head, "10.0.0.9"u8, "p"u8, "l"u8, null), out var hash) && hash == first;
            }
        }).Should().Be(0);
        isFound.Should().BeTrue();
    }

    [Fact]
    public void What_cannot_be_part_of_a_cookie_is_refused_by_field()
    {
        Errors(new CookieHashPolicy("a;b")).Single().Should().StartWith("hash_policy[0].cookie.name");
        Errors(new CookieHashPolicy("a") { Path = "/\r\nx: y" }).Single().Should().StartWith("hash_policy[0].cookie.path");
        Errors(new CookieHashPolicy("a") { Attributes = [new CookieAttribute("x", "y;z")] }).Single().Should().StartWith("hash_policy[0].cookie.attributes[0].value");
        Errors(new HeaderHashPolicy("a", new RegexSubstitution("(", ""))).Single().Should().StartWith("hash_policy[0].header.regex_rewrite.pattern.regex");
    }
}
