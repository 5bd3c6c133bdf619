using System.Text;
using AwesomeAssertions;
using CsCheck;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Xds.Tests.Loading;

public sealed class ConfigDocumentTests
{
    private static readonly string[] Pieces =
        ["a", ":", " ", "\n", "-", "---", "[", "]", "{", "}", ",", "\"", "'", "&a", "*a", "!", "|", ">", "#", "%", "?", "\t", "\\", "0", "@", "é", "\0"];

    private static ConfigDocuments Parse(string text, string file = "f.yaml", ConfigLimits? limits = null) =>
        ConfigDocument.Parse(file, Encoding.UTF8.GetBytes(text), limits);

    private static string Json(ConfigNode node) => Encoding.UTF8.GetString(node.ToUtf8Json());

    [Fact]
    public void Documents_of_one_file_keep_their_lines()
    {
        var documents = Parse("# head\n---\nkind: A\n---\n# nothing\n---\nkind: B\nspec:\n  x: 1\n...\n").Documents;
        documents.Should().HaveCount(2);
        var second = (ConfigMapping)documents[1].Root;
        second.Line.Should().Be(7);
        second.Members[1].Value.Line.Should().Be(9);
        second.Members[1].Value.Column.Should().Be(3);
    }

    [Fact]
    public void A_syntax_error_harms_its_own_document_only()
    {
        var result = Parse("kind: A\n---\nkind: [B\n---\nkind: C\n");
        result.Documents.Select(document => Json(document.Root)).Should().Equal("{\"kind\":\"A\"}", "{\"kind\":\"C\"}");
        result.Errors.Should().ContainSingle().Which.Line.Should().BeInRange(3, 4);
    }

    [Fact]
    public void A_document_with_a_double_key_says_so()
    {
        var result = Parse("a: 1\na: 2\n---\nb: 1\n");
        result.Documents.Select(document => document.HasErrors).Should().Equal(true, false);
    }

    [Theory]
    [InlineData("~", "null")]
    [InlineData("True", "true")]
    [InlineData("yes", "\"yes\"")]
    [InlineData("on", "\"on\"")]
    [InlineData("12", "12")]
    [InlineData("-1.5e3", "-1500")]
    [InlineData("0x1F", "31")]
    [InlineData("0o17", "15")]
    [InlineData("0644", "\"0644\"")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData(".inf", "\".inf\"")]
    [InlineData("1.2.3", "\"1.2.3\"")]
    [InlineData("2026-11-22", "\"2026-11-22\"")]
    [InlineData("'12'", "\"12\"")]
    [InlineData("!!str 12", "\"12\"")]
    [InlineData("1_000", "\"1_000\"")]
    public void Scalars_mean_what_the_core_schema_says(string scalar, string json) =>
        Json(((ConfigMapping)Parse("v: " + scalar).Documents.Single().Root).Find("v")!).Should().Be(json);

    [Fact]
    public void An_alias_stands_for_its_anchor()
    {
        var result = Parse("a: &x {k: [1, 2]}\nb: *x\n");
        result.Errors.Should().BeEmpty();
        Json(result.Documents.Single().Root).Should().Be("{\"a\":{\"k\":[1,2]},\"b\":{\"k\":[1,2]}}");
    }

    [Fact]
    public void A_bomb_of_aliases_is_refused()
    {
        var text = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (var i = 1; i < 20; i++)
        {
            text.Append($"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        var result = Parse(text.ToString());
        result.Documents.Should().BeEmpty();
        result.Errors.Single().Message.Should().Be("aliases stand for more than 50000 values");
    }

    [Theory]
    [InlineData("f.yaml")]
    [InlineData("f.json")]
    public void Depth_is_bounded(string file)
    {
        var result = Parse(new string('[', 100_000), file);
        result.Documents.Should().BeEmpty();
        result.Errors.Single().Message.Should().Be("nested deeper than 64 levels");
        Parse(new string('[', 64) + new string(']', 64), file).Errors.Should().BeEmpty();
    }

    [Fact]
    public void Size_and_count_are_bounded()
    {
        Parse("aaaa", limits: new ConfigLimits { MaxBytes = 3 }).Errors.Single().ToString().Should().Be("f.yaml: larger than 3 bytes; split the file");
        Parse("[1,2,3]", limits: new ConfigLimits { MaxNodes = 3 }).Errors.Single().Message.Should().Be("more than 3 values in one document");
        Parse("[1,2,3]", "f.json", new ConfigLimits { MaxNodes = 3 }).Errors.Single().Message.Should().Be("more than 3 values in one document");
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_refused_at_their_line()
    {
        var result = ConfigDocument.Parse("f.yaml", [.. "a: 1\nb: "u8, 0xFF]);
        result.Errors.Single().ToString().Should().Be("f.yaml:2: not valid UTF-8; save the file as UTF-8");
    }

    [Fact]
    public void A_byte_order_mark_is_no_content() =>
        Json(ConfigDocument.Parse("f.yaml", [0xEF, 0xBB, 0xBF, .. "a: 1"u8]).Documents.Single().Root).Should().Be("{\"a\":1}");

    [Theory]
    [InlineData("{\"a\": 1,}", 1)]
    [InlineData("{\"a\": 1}\n}", 2)]
    [InlineData("{\n\"a\": tru}", 2)]
    [InlineData("", 1)]
    [InlineData("{\"a\": 1} // no", 1)]
    [InlineData("[\"\\ud800\"]", 1)]
    public void Json_that_is_not_well_formed_is_refused_at_its_line(string text, int line)
    {
        var result = Parse(text, "f.json");
        result.Documents.Should().BeEmpty();
        result.Errors.Single().Message.Should().StartWith("not valid JSON: ");
        result.Errors.Single().Line.Should().Be(line);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(40)]
    public void A_double_key_is_found_among_few_members_and_many(int members)
    {
        var text = $"list:\n- {{}}\n- map:\n{string.Concat(Enumerable.Range(0, members).Select(static i => $"    key-{i}: {{of: [{i}]}}\n"))}    key-1: again\n    key-0: again\n";

        var result = Parse(text);

        result.Errors.Select(static error => error.ToString()).Should().Equal(
            $"f.yaml:{members + 4}: list[1].map.key-1: \"key-1\" stands twice in this mapping, first in line 5; remove one of the two",
            $"f.yaml:{members + 5}: list[1].map.key-0: \"key-0\" stands twice in this mapping, first in line 4; remove one of the two");
        Json(result.Documents.Single().Root).Should().Contain($"\"key-{members - 1}\":{{\"of\":[{members - 1}]}}").And.StartWith("{\"list\":[{},{\"map\":{\"key-0\":{\"of\":[0]}");
    }

    [Fact]
    public void A_double_key_in_json_is_reported()
    {
        var result = Parse("{\"a\": 1,\n \"a\": 2}", "f.json");
        result.Errors.Single().ToString().Should().Be("f.json:2: a: \"a\" stands twice in this object, first in line 1; remove one of the two");
    }

    [Fact]
    public void Random_bytes_never_throw() =>
        Check.Sample(
            Gen.Int[0, Pieces.Length - 1].Select(index => Pieces[index]).Array[0, 30],
            parts =>
            {
                Parse(string.Concat(parts));
                Parse(string.Concat(parts), "f.json");
            },
            iter: 20_000,
            threads: 1);
}
