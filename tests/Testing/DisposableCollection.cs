using System.Collections.ObjectModel;

namespace KubeProxyNet.Testing;

/// <summary>
/// What a test has any number of, to be declared with <c>await using</c>: all of it ends with the test, however that ends. A proxy waits for its clients when it is
/// disposed, so that a failure would be replaced by their not ending.
/// </summary>
/// <typeparam name="T">Clients, say.</typeparam>
public sealed class DisposableCollection<T> : Collection<T>, IAsyncDisposable
    where T : IAsyncDisposable
{
    /// <summary>Ends all that it holds, in their order, and holds nothing then. One that has ended before is ended again.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var item in this)
        {
            await item.DisposeAsync();
        }

        Clear();
    }
}
