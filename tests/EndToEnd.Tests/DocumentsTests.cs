using System.Text.RegularExpressions;
using AwesomeAssertions;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests;

/// <summary>What the documents point at is there: links between them, and the files of the code that they tell a reader to open.</summary>
public sealed partial class DocumentsTests
{
    private static readonly string[] SourceFiles =
    [
        .. new[] { "src", "tests", "perf" }.SelectMany(static folder => Directory.EnumerateFiles(Repository.File(folder), "*.cs", SearchOption.AllDirectories))
            .Select(static file => "/" + Path.GetRelativePath(Repository.Root, file)),
    ];

    /// <summary>The documents for readers.</summary>
    public static TheoryData<string> Documents() =>
    [
        "README.md",
        .. Directory.EnumerateFiles(Repository.File("docs"), "*.md", SearchOption.AllDirectories).Select(static file => Path.GetRelativePath(Repository.Root, file)),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_leads_somewhere(string document)
    {
        var folder = Path.GetDirectoryName(Repository.File(document))!;
        var targets = Link().Matches(File.ReadAllText(Repository.File(document))).Select(static link => link.Groups["target"].Value)
            .Where(static target => target[0] != '#' && !target.Contains("://", StringComparison.Ordinal));

        targets.Where(target => !Path.Exists(Path.Combine(folder, target.Split('#')[0]))).Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_file_of_the_code_that_is_named_exists(string document)
    {
        var named = SourceFile().Matches(File.ReadAllText(Repository.File(document))).Select(static match => match.Groups["file"].Value).Distinct();

        named.Where(static name => !SourceFiles.Any(file => file.EndsWith("/" + name, StringComparison.Ordinal))).Should().BeEmpty();
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.NonBacktracking)]
    private static partial Regex Link();

    [GeneratedRegex(@"`(?<file>[A-Za-z0-9/.]+\.cs)", RegexOptions.NonBacktracking)]
    private static partial Regex SourceFile();
}
