using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Tests;

public sealed class DiagnosticFeedTests
{
    private readonly DiagnosticFeed _feed = new();

    [Fact]
    public void What_is_new_came_and_what_is_missing_went()
    {
        _feed.Replace([At(1, "a"), At(2, "b")]);

        var changes = _feed.Replace([At(2, "b"), At(3, "c")]);

        changes.Select(change => (change.Diagnostic.Message, change.IsResolved)).Should().Equal(("c", false), ("a", true));
        _feed.Current.Select(diagnostic => diagnostic.Message).Should().Equal("b", "c");
    }

    [Fact]
    public void A_diagnostic_that_moved_to_another_line_neither_came_nor_went()
    {
        _feed.Replace([At(1, "a")]);

        _feed.Replace([At(7, "a")]).Should().BeEmpty();
        _feed.Current[0].Location!.Line.Should().Be(7);
    }

    [Fact]
    public async Task A_reader_gets_what_holds_and_then_every_change()
    {
        _feed.Replace([At(1, "a")]);
        var reader = _feed.ReadAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);

        (await reader.MoveNextAsync()).Should().BeTrue();
        reader.Current.Diagnostic.Message.Should().Be("a");
        _feed.Replace([]);
        (await reader.MoveNextAsync()).Should().BeTrue();
        reader.Current.IsResolved.Should().BeTrue();
        await reader.DisposeAsync();
    }

    private static Diagnostic At(int line, string message) =>
        new(DiagnosticSeverity.Error, DiagnosticReason.InvalidField, message, null, new SourceLocation("m.yaml", line));
}
