using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Tests.Routing;

namespace KubeProxyNet.Proxy.Tests.Http;

/// <summary>Paths in, paths out: what each setting does to a path, and what no setting does.</summary>
public sealed class PathNormalizerTests
{
    private const string Rejected = "400";

    // Made of what the normaliser looks for, so that random paths are full of it.
    private static readonly string[] Pieces =
        ["/", "/", "/", "//", "\\", ".", "..", "%2e", "%2E", "%2f", "%5C", "%", "%%", "%2", "%25", "%32", "%46", "%00", "%c3%a9", "%c0%af", ";", "a", "F", "2", "~", "%7E", "?"];

    private static readonly Gen<string> Paths =
        Gen.Int[0, 26].Select(static i => Pieces[i]).Array[0, 24].Select(static pieces => $"/{string.Concat(pieces)}");

    /// <summary>What comes of a target: path and query, "400", or "307 TARGET".</summary>
    private static string Run(string target, EscapedSlashesAction slashes = EscapedSlashesAction.KeepUnchanged, bool normalize = false, bool merge = false)
    {
        var head = RequestHeads.Create("GET", target, "h");
        var verdict = new PathNormalizer(slashes, normalize, merge).Normalize(head);
        var result = Encoding.UTF8.GetString(head.Target);
        result.Should().Be(Encoding.UTF8.GetString(head.Path) + (head.Target.Contains((byte)'?') ? $"?{Encoding.UTF8.GetString(head.Query)}" : ""));
        if (verdict == PathVerdict.Rejected)
        {
            result.Should().Be(target, "the log shows what came");
            return Rejected;
        }

        return verdict == PathVerdict.Redirect ? $"307 {result}" : result;
    }

    private static string Strict(string target) => Run(target, EscapedSlashesAction.RejectRequest, normalize: true, merge: true);

    [Theory]
    [InlineData("/", "/")]
    [InlineData("/xyz", "/xyz")]
    [InlineData("/a/b/../c", "/a/c")]
    [InlineData("/a/b/./c", "/a/b/c")]
    [InlineData("/a/b/../../../../c", "/c")]
    [InlineData("/..", "/")]
    [InlineData("/a/..", "/")]
    [InlineData("/a/.", "/a/")]
    [InlineData("/a/b/..", "/a/")]
    [InlineData("/./", "/")]
    [InlineData("/.a/..b/c../...", "/.a/..b/c../...")]
    [InlineData("/a/..\\c", "/c")]
    [InlineData("/a\\b", "/a/b")]
    [InlineData("/a/b/%2E%2e/c", "/a/c")]
    [InlineData("/a/.%2e/c", "/c")]
    [InlineData("/a/%2e", "/a/")]
    [InlineData("/a%2Eb", "/a.b")]
    [InlineData("/%41%7a%30%2D%5f%7E", "/Az0-_~")]
    [InlineData("/%c0%af", "/%c0%af")]
    [InlineData("/%5c%25", "/%5c%25")]
    [InlineData("/a%2fb", "/a%2fb")]
    [InlineData("/A/%c3%A9", "/A/%c3%A9")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData("/a/./../b?c=/../d", "/b?c=/../d")]
    [InlineData("/a%20b", "/a%20b")]
    [InlineData("/xyz/.%00../abc", Rejected)]
    [InlineData("/xyz/%00.%00./abc", Rejected)]
    [InlineData("/xyz/AAAAA%%0000/abc", Rejected)]
    [InlineData("/a?%00", "/a?%00")]
    public void Normalizing_follows_rfc_3986(string target, string expected) => Run(target, normalize: true).Should().Be(expected);

    /// <summary>CVE-2026-73551: servers that take parameters off before they look for dot segments.</summary>
    [Theory]
    [InlineData("/xyz/..;foo=bar/abc", "/abc")]
    [InlineData("/a/.;x/b", "/a/b")]
    [InlineData("/a/b/..;", "/a/")]
    [InlineData("/a/%2e%2E;x=y/b", "/b")]
    [InlineData("/remain;blah-bluh", "/remain;blah-bluh")]
    [InlineData("/a;x/..b;/...;/c", "/a;x/..b;/...;/c")]
    public void Parameters_do_not_hide_dot_segments_and_otherwise_stay(string target, string expected) => Run(target, normalize: true).Should().Be(expected);

    /// <summary>What is decoded must not make an escape that the next server decodes.</summary>
    [Theory]
    [InlineData("/%252f", "/%252f")]
    [InlineData("/%25%32%66", "/%252f")]
    [InlineData("/%%32%66", "/%%32f")]
    [InlineData("/%2%66", "/%2%66")]
    [InlineData("/%%32F", "/%%32F")]
    [InlineData("/%%%32%46", "/%%%32F")]
    [InlineData("/%zz%4a", "/%zzJ")]
    [InlineData("/100%", "/100%")]
    public void Nothing_is_decoded_twice(string target, string expected)
    {
        Run(target, normalize: true).Should().Be(expected);
        Run(expected, normalize: true).Should().Be(expected);
    }

    [Theory]
    [InlineData("/a//b", "/a/b")]
    [InlineData("//", "/")]
    [InlineData("///a///b///", "/a/b/")]
    [InlineData("/a?b=//c", "/a?b=//c")]
    [InlineData("/a/..//b", "/a/../b")]
    [InlineData("/a\\\\b", "/a\\\\b")]
    public void Slashes_are_merged_in_the_path_alone(string target, string expected) => Run(target, merge: true).Should().Be(expected);

    [Theory]
    [InlineData(EscapedSlashesAction.KeepUnchanged, "/a%2Fb%2fc%5Cd%5ce?f=%2F")]
    [InlineData(EscapedSlashesAction.UnescapeAndForward, "/a/b/c\\d\\e?f=%2F")]
    [InlineData(EscapedSlashesAction.UnescapeAndRedirect, "307 /a/b/c\\d\\e?f=%2F")]
    [InlineData(EscapedSlashesAction.RejectRequest, Rejected)]
    public void Escaped_slashes_and_backslashes_are_kept_unescaped_or_rejected(EscapedSlashesAction action, string expected)
    {
        Run("/a%2Fb%2fc%5Cd%5ce?f=%2F", action).Should().Be(expected);
        Run("/a?f=%2F", action).Should().Be("/a?f=%2F", "the query is data");
        Run("/a%41%20", action).Should().Be("/a%41%20");
    }

    [Theory]
    [InlineData("/a/b%2f..%5c..%2fc", "307 /c")]
    [InlineData("/a%2f%2Fb?c", "307 /a/b?c")]
    [InlineData("/a/../b", "/b")]
    public void What_was_unescaped_is_normalized(string target, string expected) =>
        Run(target, EscapedSlashesAction.UnescapeAndRedirect, normalize: true, merge: true).Should().Be(expected);

    /// <summary>What one server reads in another way than the next does not pass where escaped slashes do not.</summary>
    [Theory]
    [InlineData("/a%2fb")]
    [InlineData("/a%5Cb")]
    [InlineData("/a%00")]
    [InlineData("/%c0%af")]
    [InlineData("/%e0%80%af")]
    [InlineData("/%ed%a0%80")]
    [InlineData("/%c3")]
    [InlineData("/%c3x%a9")]
    [InlineData("/%ff")]
    [InlineData("/%u002f")]
    [InlineData("/%")]
    [InlineData("/a%2")]
    [InlineData("/..")]
    [InlineData("/../a")]
    [InlineData("/a/../../b")]
    [InlineData("/a/%2e%2E/..;x/b")]
    [InlineData("/./..\\a")]
    public void What_is_ambiguous_is_rejected_with_escaped_slashes(string target) => Strict(target).Should().Be(Rejected);

    [Theory]
    [InlineData("/a/b/../c//d/./e?f=%2f..//", "/a/c/d/e?f=%2f..//")]
    [InlineData("/caf%C3%A9/%F0%9F%98%80", "/caf%C3%A9/%F0%9F%98%80")]
    [InlineData("/100%25", "/100%25")]
    [InlineData("/a/../b;c=d", "/b;c=d")]
    [InlineData("/%252f", "/%252f")]
    [InlineData("/a//../b", "/a/b")]
    public void What_is_clear_passes_the_strictest_setting(string target, string expected) => Strict(target).Should().Be(expected);

    [Theory]
    [InlineData("*")]
    [InlineData("h:443")]
    public void A_target_without_a_path_stays_as_it_is(string target) => Strict(target).Should().Be(target);

    [Fact]
    public void Normalizing_twice_is_normalizing_once() =>
        Gen.Select(Paths, Gen.Bool, Gen.Bool, Gen.Enum<EscapedSlashesAction>()).Sample(static (path, normalize, merge, action) =>
        {
            // Unescaping takes one layer off; the redirected request arrives without it.
            var once = Run(path, action, normalize, merge);
            if (once == Rejected)
            {
                return;
            }

            once = once.Replace("307 ", "", StringComparison.Ordinal);
            Run(once, action, normalize, merge).Should().Be(once, "of {0}", path);
        }, iter: 20_000);

    [Fact]
    public void No_normal_path_has_dot_segments_backslashes_or_slashes_in_a_row() =>
        Paths.Sample(static target =>
        {
            var result = Run(target, normalize: true, merge: true);
            if (result == Rejected)
            {
                return;
            }

            var path = result.Split('?')[0];
            path.Should().StartWith("/").And.NotContain("//").And.NotContain("\\").And.NotContainEquivalentOf("%2e");
            path.Split('/').Select(static segment => segment.Split(';')[0]).Should().NotContain([".", ".."]);
            result.Length.Should().BeLessThanOrEqualTo(target.Length);
            result.Should().EndWith(target.Contains('?') ? target[target.IndexOf('?')..] : "");
        }, iter: 20_000);

    [Fact]
    public void What_the_strictest_setting_accepts_means_the_same_to_a_lenient_server() =>
        Paths.Sample(static target =>
        {
            var result = Strict(target);
            if (result == Rejected)
            {
                return;
            }

            // A server that decodes everything at once finds the same segments.
            var path = result.Split('?')[0];
            var decoded = Uri.UnescapeDataString(path);
            decoded.Count(static c => c is '/' or '\\').Should().Be(path.Count(static c => c == '/'), "of {0}", target);
            decoded.Should().NotContain("\0").And.NotContain("\uFFFD");
        }, iter: 20_000);
}
